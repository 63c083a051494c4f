"""The timeline: every event is a line, and says which worker did it."""

from __future__ import annotations

from typing import Any

from aetheris_site.stack import timeline


def _event(seq: int, type: str, node: str = "", **body: Any) -> dict[str, Any]:
    return {"seq": seq, "type": type, "node": node, "at": "2026-01-02T03:04:05.678901Z", "body": body}


EVENTS = [
    _event(1, "job_created", actor={"name": "operator"}),
    _event(2, "node_started", "pay", worker="w-1", attempt=1, reason="first"),
    _event(3, "lease_lost", "pay", worker="w-1", fence=2, reason="worker_dead"),
    _event(4, "node_started", "pay", worker="w-2", attempt=2, reason="probe"),
    _event(5, "outcome_resolved", "pay", fence=4, verdict="landed"),
    _event(6, "a_kind_of_tomorrow", "pay", fence=99),
]


def test_an_event_with_a_fence_belongs_to_the_worker_that_holds_it() -> None:
    assert timeline.workers(EVENTS) == {2: "w-1", 4: "w-2"}
    heading, *lines = timeline.lines(EVENTS, {"w-1": "first", "w-2": "second"})
    assert heading.split() == ["seq", "time", "(UTC)", "event", "node", "worker", "what"]
    assert lines[4].split() == ["5", "03:04:05.678", "outcome_resolved", "pay", "second", "landed"]


def test_every_event_is_one_line_also_one_of_an_unknown_kind() -> None:
    lines = list(timeline.lines(EVENTS, {}))[1:]
    assert [int(line.split()[0]) for line in lines] == [event["seq"] for event in EVENTS]
    assert lines[0].endswith("asked for by operator")
    assert lines[5].split() == ["6", "03:04:05.678", "a_kind_of_tomorrow", "pay"]
