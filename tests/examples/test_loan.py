"""The loan: one payout, and a package that answers alone which documents, which model output, which person led to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from examples.loan.tools import DOCUMENTS
from forensics.evidence import BACK, packages, reached, who
from forensics.package import export
from jobs import approve, reject, submit
from jobs.models import Approval, Event
from jobs.testing import run_until_parked
from ledger.canonical import digest
from ledger.models import Invocation
from tests.faces.command_line import aetheris
from tests.factories import a_tenant, person

ROOT = Path(__file__).resolve().parents[2]
WITHOUT = ("django", "celery", "rest_framework")
ALONE = """
import json, sys
for name in {without!r}: sys.modules[name] = None
from forensics.evidence import packages, who
report, built = packages.opened({path!r})
assert report.ok, report.problem
graph = built.json()
print(json.dumps([who(graph, each) for each in packages.meant({path!r}, graph, {word!r})]))
"""


@pytest.fixture
def book(engine_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The world: where payouts are written."""
    from jobs import clock
    from jobs.testing import in_this_process

    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setenv("AETHERIS_LOAN_BOOK", str(tmp_path / "payouts.jsonl"))
    with in_this_process(seconds=1e7):
        yield tmp_path / "payouts.jsonl"


def _parked(tenant: str, application: str = "L-2001") -> str:
    job = str(submit("loan", {"application_id": application}, actor=person("clerk", tenant=tenant)))
    run_until_parked(job)
    return job


def _paid(tenant: str) -> str:
    job = _parked(tenant)
    approve(job, actor=person("officer", tenant=tenant), comment="within the policy")
    assert run_until_parked(job).status == "completed"
    return job


def _asked_alone(path: Path, word: str) -> list[dict[str, Any]]:
    """The answers of a Python that has no Django, and no server or database to ask."""
    program = ALONE.format(without=WITHOUT, path=str(path), word=word)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def test_the_package_alone_answers_which_documents_which_model_output_and_which_person_led_to_the_approval(
    book: Path, tmp_path: Path
) -> None:
    job = _paid(a_tenant())
    export(job, tmp_path / "loan.zip")
    [told] = _asked_alone(tmp_path / "loan.zip", "loan:L-2001")
    documents = {each["document"]: each["digest"] for each in told["based_on"]["documents"]}
    read = {
        name: sha256((DOCUMENTS / f"{name}.md").read_bytes()).hexdigest()
        for name in ("affordability", "approval-limits")
    }
    assert documents == read
    [model] = told["based_on"]["models"]
    answer = Event.objects.get(job_id=job, node="assessment", type="tool_invocation_finished")
    assert model["result"] == digest(json.loads(answer.body or "")["result"])
    assert (model["asked"], model["answered"]) == ("loan-assessor-1", "loan-assessor-1-2026-01")
    assert model["params"] == {"temperature": 0}
    assert model["tokens"]["output_tokens"] > 0
    [vote] = told["approved_by"]
    assert (vote["name"], vote["decision"], vote["comment"]) == ("officer", "approve", "within the policy")
    assert vote["saw"] == Approval.objects.get(job_id=job).digest
    assert vote["saw_what_was_asked"]
    assert {"step/assessment", "step/policies", "step/application"} <= set(vote["shown"])
    assert vote["released"] == ["these arguments"]
    assert told["submitted_by"]["name"] == "clerk"
    assert (told["effect"]["step"], told["effect"]["attempts"], told["effect"]["tool"]) == (
        "payout",
        1,
        "pay_out",
    )
    assert {each["how"] for name in ("documents", "models") for each in told["based_on"][name]} == {
        "declared"
    }
    assert len(book.read_text().splitlines()) == 1


@pytest.mark.parametrize("by", ["idempotency key", "invocation", "reference", "step"])
def test_whatever_one_has_in_hand_the_package_gives_the_same_answer(
    by: str, book: Path, tmp_path: Path
) -> None:
    job = _paid(a_tenant())
    export(job, tmp_path / "loan.zip")
    line = Invocation.objects.get(job_id=job, node="payout")
    word = {
        "idempotency key": line.idempotency_key,
        "invocation": str(line.id),
        "reference": "PAY-L-2001",
        "step": "payout",
    }[by]
    _, built = packages.opened(tmp_path / "loan.zip")
    assert built is not None
    graph = built.json()
    [found] = packages.meant(tmp_path / "loan.zip", graph, word)
    assert who(graph, found)["sentence"].startswith(
        "clerk had loan@1 do pay_out in step payout, attempt 1 at "
    )


def test_the_command_line_asks_the_file_and_refuses_a_broken_one(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "loan.zip"
    export(_paid(a_tenant()), path)
    ended = aetheris("who", "loan:L-2001", "--package", str(path))
    assert ended.code == 0, ended.err
    for told in (
        "clerk had loan@1",
        "approved by officer",
        "loan-assessor-1-2026-01",
        "affordability",
        "approval-limits",
    ):
        assert told in ended.out
    graph = aetheris("evidence", str(path), "--why", "payout", "--json").json
    assert "opening-hours" not in json.dumps(graph)
    assert graph["of"] == ["step/payout"]
    nowhere_else = {"absent": [], "cut": False, "links": [], "results": []}
    assert aetheris("why", str(path), "payout", "--json").json == {**graph, "across": nowhere_else}
    assert aetheris("who", "nothing-like-that", "--package", str(path)).code == 3
    path.write_bytes(path.read_bytes()[:-300] + b"x" + path.read_bytes()[-299:])
    broken = aetheris("who", "loan:L-2001", "--package", str(path))
    assert broken.code == 1
    assert broken.out == ""


def test_the_file_as_prov_json_and_as_a_picture(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "loan.zip"
    export(_paid(a_tenant()), path)
    for form, begin in (("prov", '{"activity"'), ("svg", "<svg")):
        ended = aetheris("evidence", str(path), "--format", form, "-o", str(tmp_path / form))
        assert ended.code == 0, ended.err
        assert (tmp_path / form).read_text().startswith(begin)


def test_a_rejected_or_a_declined_loan_pays_nothing_and_says_on_what_it_rests(
    book: Path, tmp_path: Path
) -> None:
    tenant = a_tenant()
    rejected, declined = _parked(tenant), _parked(tenant, "L-2002")
    reject(rejected, actor=person("officer", tenant=tenant))
    assert run_until_parked(rejected).outcome == "rejected"
    assert not Approval.objects.filter(job_id=declined).exists()
    assert not book.exists()
    export(declined, tmp_path / "declined.zip")
    _, built = packages.opened(tmp_path / "declined.zip")
    assert built is not None
    graph = built.json()
    assert "document/affordability" in {
        each.partition("#")[0] for each in reached(graph, ["step/assessment"], BACK)
    }


def test_one_command_tells_the_whole_story(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.loan", str(tmp_path / "loan")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (
        "approved by officer, based on loan-assessor-1-2026-01 and the documents affordability"
        in ended.stdout
    )
    assert len((tmp_path / "loan" / "payouts.jsonl").read_text().splitlines()) == 1
