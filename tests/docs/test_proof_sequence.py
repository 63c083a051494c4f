"""The sequence of a proved step, as it is drawn, is the order of a real one."""

from __future__ import annotations

import re
from typing import Any

from jobs import TaskGraph, agent, submit
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import tool
from tests.docs.pages import ROOT


@tool(name="docs.once", effect="at_most_once")
def once() -> str:
    return "done"


@agent("docs-proof")
def planned(goal: dict[str, Any]) -> TaskGraph:
    g = TaskGraph()
    g.output(g.tool("step", once))
    return g


def drawn() -> list[str]:
    text = (ROOT / "docs" / "design" / "execution-proof-sequence.md").read_text("utf-8")
    return [kind for note in re.findall(r"Note over S: (.*)", text) for kind in note.split("<br/>")]


def test_the_proof_sequence_is_the_order_of_a_real_step(engine_db: str) -> None:
    job = submit("docs-proof", {})
    assert run_until_parked(job).status == "completed"
    told = Event.objects.filter(job_id=job, node="step").order_by("seq").values_list("type", flat=True)
    assert list(told) == drawn()
