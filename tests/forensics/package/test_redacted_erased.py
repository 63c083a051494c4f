"""Redaction by any rule, of jobs of which any body was erased: exported, verified, and everything that is missing is named."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from django.conf import settings
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from forensics import standalone
from forensics.package import export
from forensics.standalone import APPROVALS, EVENTS, LEDGER, MANIFEST, PARTS
from tests.forensics.cast import CAST
from tests.forensics.forgetting import ended, erased, pruned, some
from tests.forensics.package.packing import Copy, alone, our_key

pytestmark = pytest.mark.usefixtures("here")
NAMES = ("approved_and_paid", "compensated", "with_a_large_body", "mapped_with_a_failure", "given_up_by_a_person",
         "retried_after_an_approval")  # fmt: skip
ERASED = ("nothing", "some", "all")
STEPS = ("*", "**", "0", "1", "actor", "args", "body", "comment", "digest", "digests", "erased", "error", "evidence", "goal",
         "groups", "id", "legible", "message", "name", "nodes", "output", "plan", "question", "result", "seq", "sha256", "shown",
         "users", "value", "word")  # fmt: skip
TYPES = ("*", "*", "*", "payload_erased", "job_created", "command_emitted", "tool_invocation_finished", "approval_requested",
         "approval_decided", "plan_generated", "reasoning_snapshot", "outcome_unknown")  # fmt: skip
RULES = st.lists(
    st.one_of(
        st.builds(
            lambda steps, how, on: {"path": ".".join(steps), "how": how, "on": on},
            st.lists(st.sampled_from(STEPS), min_size=1, max_size=3), st.sampled_from(standalone.HOWS), st.sampled_from(TYPES),
        ),
        st.builds(
            lambda detector, how: {"detector": detector, "how": how},
            st.sampled_from(["email", "phone", "credit_card"]), st.sampled_from(standalone.HOWS),
        ),
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@cache
def a_job(name: str, choice: str) -> str:
    """A job of the cast that has ended, and of which nothing, some or all was erased."""
    job = CAST[name]()
    assert ended(job)
    if choice != "nothing":
        erased(job, **({"everything": True} if choice == "all" else {"events": some(job, 5)}))
    return job


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="aetheris-redacted-"))


def packed(job: str, rules: list[dict[str, Any]]) -> Path:
    """The job's package under a profile of these rules."""
    key = _folder() / "export.key"
    key.write_text("0f" * 32)
    redaction = {"PROFILES": {"tried": {"rules": rules}}, "ENCRYPT_KEY": f"file:{key}"}
    before = settings.AETHERIS
    settings.AETHERIS = {**before, "REDACTION": redaction}
    try:
        export(job, _folder() / "a.zip", profile="tried")
    finally:
        settings.AETHERIS = before
    return _folder() / "a.zip"


def verified(path: Path) -> standalone.Report:
    report = standalone.verify(path, standalone.Wishes(keys=(our_key(),)))
    assert report.ok, report.to_json()
    return report


@trial(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(NAMES), choice=st.sampled_from(ERASED), rules=RULES)
def test_whatever_is_erased_and_whatever_the_rules_the_package_verifies_and_names_what_is_missing(
    name: str, choice: str, rules: list[dict[str, Any]]
) -> None:
    path = packed(a_job(name, choice), rules)
    report, copy = verified(path), Copy(path)
    events = copy.values(EVENTS)
    told = json.loads(copy.files[MANIFEST])["withheld"]
    assert {seq for each in told for seq in each["events"]} == {
        event["seq"] for event in events if event["raw"] is None and event["body"] is not None
    }
    gone = {event["seq"] for event in events if event["body"] is None}
    assert gone == {seq for each in report.facts.get("erased", ()) for seq in each["seq"]}
    assert bool(gone) == (choice != "nothing")


@pytest.mark.parametrize("how", standalone.HOWS)
@pytest.mark.parametrize("choice", ERASED)
def test_the_broadest_rule_leaves_no_name_and_a_lone_verifier_says_the_same(
    choice: str, how: str, tmp_path: Path
) -> None:
    job = a_job("approved_and_paid", choice)
    path = packed(job, [{"path": "**", "how": how}])
    report, copy = verified(path), Copy(path)
    shown = b"".join(
        copy.files[name] for name in (EVENTS, PARTS, LEDGER, APPROVALS, standalone.EVIDENCE)
    ).decode()
    for word in ("u-bob", "u-ann", '"bob"', "finance", "Pay?"):
        assert word not in shown, word
    key = standalone.vkey_of("aetheris.local/log", our_key())
    for library in (True, False):
        said = alone(tmp_path, path, "--key", key, "--json", library=library)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout) == report.to_json()
    notes = " ".join(report.notes)
    assert ("were erased" in notes) == (choice != "nothing")
    assert "withheld by the profile" in notes


def test_a_rule_reaches_what_stays_legible_as_the_event_that_it_was(tmp_path: Path) -> None:
    """Who asked stays legible of an erased first event; a rule for `job_created` withholds it there, too, and only there."""
    job = a_job("approved_and_paid", "all")
    path = packed(job, [{"path": "actor.**", "how": "hash", "on": "job_created"}])
    verified(path)
    [afterword] = [each for each in Copy(path).values(EVENTS) if each["type"] == "payload_erased"]
    left = dict(zip(afterword["body"]["seq"], afterword["body"]["legible"], strict=True))
    assert str(left[1]["actor"]).startswith("[withheld hash ")
    assert afterword["body"]["actor"]["name"] == "officer"
    told = json.loads(Copy(path).files[MANIFEST])["withheld"]
    place = afterword["body"]["seq"].index(1)
    assert {
        "path": f"/legible/{place}/actor",
        "how": "hash",
        "what": "withheld",
        "events": [afterword["seq"]],
    } in told


def test_a_package_that_was_made_before_the_job_was_pruned_still_verifies_alone(tmp_path: Path) -> None:
    job = CAST["approved_and_paid"]()
    assert ended(job)
    erased(job, events=some(job, 7))
    path = packed(job, [{"path": "**", "how": "hash"}])
    stone = pruned(job, archive=str(tmp_path / "archive"))
    for each in (path, Path(stone.archive)):
        verified(each)
        assert alone(tmp_path, each).returncode == 0
    told = standalone.verify(Path(stone.archive)).to_json()
    assert told["erased"]
