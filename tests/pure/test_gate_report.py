"""The gate's report: every job is counted once, groups hold what belongs together, and no text breaks a form."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from forensics.gate.report import KINDS, Comparison, Report, compared, not_comparable, rendered

TEXT = st.text(max_size=30)
PROBLEM = st.fixed_dictionaries({
    "kind": st.sampled_from(["other_command", "other_plan"]), "node": TEXT, "recorded": TEXT, "asked": TEXT, "message": TEXT,
    "path": st.sampled_from(["main/0", "main/1", "main/12/3", "_plan"]), "seq": st.integers(1, 99), "place": TEXT,
})  # fmt: skip
JOB = st.one_of(
    st.builds(lambda a, p: Comparison("j", a, "diverged", "", p["message"], p), TEXT, PROBLEM),
    st.builds(lambda a: Comparison("j", a, "identical"), TEXT),
    st.builds(lambda a, m: not_comparable("j", a, "payload_erased", m), TEXT, TEXT),
)


@given(st.lists(JOB, max_size=12))
def test_every_job_is_counted_once_and_every_form_can_be_read(jobs: list[Comparison]) -> None:
    report = Report(jobs=jobs)
    told: dict[str, Any] = json.loads(rendered(report, ".json"))
    assert sum(told["counts"].values()) == len(jobs) == len(told["jobs"])
    for verdict, listed in (("diverged", "divergences"), ("not_comparable", "not_comparable")):
        assert sum(len(each["jobs"]) for each in told[listed]) == told["counts"][verdict]
    suite = ElementTree.fromstring(rendered(report, ".xml"))  # noqa: S314 - our own
    assert suite.get("failures") == str(told["counts"]["diverged"])
    assert len(suite.findall("testcase")) == len(jobs)
    assert rendered(report, ".md").startswith("# Deploy gate: ")
    assert set(KINDS) == {".json", ".md", ".xml"}


@given(st.lists(JOB, max_size=12))
def test_the_gate_is_open_only_if_something_was_compared_and_nothing_diverged(jobs: list[Comparison]) -> None:
    verdicts = {each.verdict for each in jobs}
    opens = "identical" in verdicts and "diverged" not in verdicts
    assert (Report(jobs=jobs).verdict == "identical") == opens


def test_numbers_of_turns_and_items_do_not_part_a_group() -> None:
    problem = {"kind": "other_command", "path": "main/12/3", "message": "m"}
    told = {"job": "j", "problem": problem, "sources": [], "steps": 1, "calls": 2}
    assert compared(told, "a@1").group == "other_command at main/*/*"
    assert (
        compared({**told, "problem": {**problem, "kind": "code_missing"}}, "a@1").verdict == "not_comparable"
    )
