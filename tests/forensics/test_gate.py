"""`manage.py aetheris_replay` holds jobs of the database against the code of today, names what it cannot compare, and ends so."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from forensics.models import Access
from jobs import agents
from jobs.models import Event
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import asked, flow
from tests.forensics.forgetting import erased
from tests.forensics.looking import everything
from tests.forensics.tampering import unguarded

pytestmark = pytest.mark.usefixtures("here")
HOW: dict[str, Any] = {"by": 1}


@flow
def guarded(ctx: Any, goal: Any) -> Any:
    """Ask what the test says now."""
    return ctx.tool(add, a=HOW["by"])


def gate(*args: str) -> tuple[int, str, str]:
    """How the command ended, and what it said."""
    out, err = StringIO(), StringIO()
    try:
        call_command("aetheris_replay", *args, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def one() -> str:
    job = asked("guarded")
    assert run_until_parked(job).status == "completed"
    return job


def test_the_gate_is_open_while_the_code_decides_alike_and_closes_when_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, path = [one(), one()], tmp_path / "gate.json"
    before = everything(jobs[0])
    assert gate(*jobs)[:2] == (0, gate(*jobs)[1])
    monkeypatch.setitem(HOW, "by", 2)
    code, out, err = gate("--agent", "guarded", "--limit", "2", "--report", str(path))
    assert (code, "diverged" in out) == (1, True)
    assert all(job in err for job in jobs)
    assert everything(jobs[0]) == before
    seen = Access.objects.filter(job_id=jobs[0], action="replay")
    assert [entry.question for entry in seen] == ["aetheris_replay"] * 3
    assert json.loads(path.read_text())["counts"] == {"identical": 0, "diverged": 2, "not_comparable": 0}


def test_what_cannot_be_compared_is_named_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, gone, spoiled, path = one(), one(), one(), tmp_path / "gate.json"
    erased(gone)
    with unguarded():
        Event.objects.filter(job_id=spoiled, seq=2).update(body="[]")
        assert gate(whole, gone, spoiled, "--report", str(path))[0] == 0
    found = {each["job"]: each["code"] for each in json.loads(path.read_text())["jobs"]}
    assert found == {whole: "", gone: "payload_erased", spoiled: "broken_record"}
    monkeypatch.delitem(agents._agents, ("guarded", "1"))
    code, out, _ = gate(whole)
    assert (code, "code\\_missing" in out) == (1, True)


@pytest.mark.parametrize(
    ("args", "code", "word"),
    [
        (["--agent", "nobody-here"], 3, "no such job"),
        (["0197c1a2-0000-7000-8000-000000000001"], 3, "there is no job"),
        (["nonsense"], 2, "no id"),
        (["--since", "yesterday"], 2, "since"),
        (["--agent", "guarded", "--report", "gate.pdf"], 2, ".json"),
    ],
)
def test_a_question_without_an_answer_ends_with_its_own_number(args: list[str], code: int, word: str) -> None:
    told = gate(*args)
    assert told[0] == code
    assert word in told[2]
