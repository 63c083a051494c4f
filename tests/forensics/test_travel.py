"""What a job was at any of its events is told from its record alone, also where bodies are gone, and in little memory."""

from __future__ import annotations

import tracemalloc

import pytest

from forensics import record
from forensics.travel import change_between, state_at
from jobs import TaskGraph, pause, resume
from jobs.core.errors import Invalid
from jobs.models import Event, Job
from jobs.store import state_of
from tests.agents.tools import add
from tests.engine.driving import kinds, ran
from tests.factories import person
from tests.forensics.cast import CAST
from tests.forensics.forgetting import ended, erased
from tests.forensics.looking import reads_only

pytestmark = pytest.mark.usefixtures("here")


def row(job: str) -> Job:
    return Job.objects.get(id=job)


@pytest.mark.parametrize("name", CAST)
def test_the_state_at_the_last_event_is_the_job_and_every_event_has_one(name: str) -> None:
    job = row(CAST[name]())
    with reads_only():
        told = state_at(job)
        early = [state_at(job, seq) for seq in range(1, min(told["head"], 12) + 1)]
    assert (told["seq"], told["status"], told["output"]) == (
        job.head_seq,
        job.status,
        state_of(job.id).output,
    )
    assert [each["seq"] for each in early] == list(range(1, len(early) + 1))
    assert early[0]["status"] == "pending"
    assert state_at(job)["digest"] == told["digest"]


def test_each_moment_shows_what_was_known_then_and_no_more() -> None:
    job = CAST["approved_and_paid"]()
    asked = Event.objects.get(job_id=job, type="approval_requested").seq
    then, now = state_at(row(job), asked), state_at(row(job))
    assert then["nodes"]["order"]["result"] is not None
    assert (then["nodes"]["pay"]["status"], now["nodes"]["pay"]["status"]) == ("waiting", "done")
    assert (then["output"], then["digest"] == now["digest"]) == (None, False)
    parked = Event.objects.get(job_id=job, type="job_parked").seq
    assert [wait["kind"] for wait in state_at(row(job), parked)["parked_on"]] == ["approval"]
    assert then["votes"] == {}
    assert [vote["decision"] for votes in now["votes"].values() for vote in votes] == ["approve"]


def test_what_changed_between_two_events_is_listed_by_path() -> None:
    job = CAST["a_workflow"]()
    finished = Event.objects.get(job_id=job, type="node_finished", node="main").seq
    with reads_only():
        told = change_between(row(job), finished - 3, finished)
    changes = {".".join(each["path"]): each for each in told["changes"]}
    assert changes["nodes.main.status"]["after"] == "done"
    assert changes["state.approved"] == {
        "path": ["state", "approved"],
        "change": "added",
        "before": None,
        "after": True,
    }
    assert (told["from"]["seq"], told["seq"], told["more"]) == (finished - 3, finished, 0)
    assert told["from"]["digest"] != told["digest"]
    assert change_between(row(job), finished, finished)["changes"] == []


def test_an_event_that_the_job_does_not_have_is_refused() -> None:
    job = row(CAST["not_begun"]())
    for at in (0, job.head_seq + 1):
        with pytest.raises(Invalid, match=f"events 1 to {job.head_seq}"):
            state_at(job, at)
    with pytest.raises(Invalid, match="comes after"):
        change_between(row(CAST["approved_and_paid"]()), 5, 2)


@pytest.mark.parametrize("name", CAST)
def test_erased_bodies_are_said_and_nothing_crashes(name: str) -> None:
    job = CAST[name]()
    if not ended(job):
        pytest.skip("this one cannot be brought to its end")
    before = state_at(row(job))
    erased(job)
    told = state_at(row(job))
    gone = Event.objects.filter(job_id=job, body=None).order_by("seq")
    assert told["erased"] == list(gone.values_list("seq", flat=True))
    assert (told["status"], told["phase"]) == (before["status"], before["phase"])
    assert {name: node["status"] for name, node in told["nodes"].items()} == {
        name: node["status"] for name, node in before["nodes"].items()
    }
    for seq in range(1, told["head"] + 1):
        assert set(state_at(row(job), seq)["erased"]) <= set(told["erased"])


def test_a_spoiled_record_is_refused_by_the_number_of_the_event() -> None:
    job = ran(_graph()).job
    seq = kinds(job).index("node_finished") + 1
    facts = list(record.facts_of(record.rows_of(row(job).id), row(job).tenant))
    broken = [*facts[: seq - 1], *facts[seq:]]
    with pytest.raises(record.Unreadable) as told:
        record.state_of(row(job).id, broken)
    assert told.value.seq == seq + 1


def _graph() -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=1))
    return graph


def test_the_events_of_a_long_job_are_never_held_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "BATCH", 20)
    job, size = CAST["not_begun"](), 32_000
    for number in range(150):
        pause(job, reason=f"{number:08d}" * (size // 8), actor=person())
        resume(job, reason="", actor=person())
    tracemalloc.start()
    try:
        told = state_at(row(job))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert told["seq"] == 301
    assert peak < 0.5 * 150 * size, f"{peak / size:.0f} of 150 bodies at the peak"
