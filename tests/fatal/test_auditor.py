"""The auditor of the chaos run finds nothing in books that are in order, and everything that is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from jobs.core.events import Fact
from jobs.core.evolve import evolve
from jobs.core.state import JobState
from jobs.rows import agenda_of
from tests.engine.conftest import here
from tests.fatal import audit, audit_kept, audit_rows
from tests.fatal.audit_books import Books, as_read
from tests.fatal.audit_fold import fold
from tests.fatal.audited import event, line, replaced, row_of, step, told

__all__ = ["here", "told"]  # fixtures


def an_event_is_missing(books: Books, counts: dict[str, int]) -> None:
    events, place = event(books, "command_committed")
    del events[place]


def the_last_event_is_missing(books: Books, counts: dict[str, int]) -> None:
    events, _ = event(books, "job_parked")
    del events[-1]


def a_body_was_changed(books: Books, counts: dict[str, int]) -> None:
    events, place = event(books, "tool_invocation_started")
    events[place].row["body"] = events[place].row["body"].replace('"attempt":1', '"attempt":2')


def an_effect_happened_twice(books: Books, counts: dict[str, int]) -> None:
    counts[line(books, state="landed", effect="at_most_once")["idempotency_key"]] = 2


def an_effect_never_happened(books: Books, counts: dict[str, int]) -> None:
    del counts[line(books, state="landed", effect="at_most_once")["idempotency_key"]]


def nobody_promised(books: Books, counts: dict[str, int]) -> None:
    counts["aet-nobody"] = 1


def a_business_key_twice(books: Books, counts: dict[str, int]) -> None:
    lines = [each for found in books.lines.values() for each in found if each["state"] == "recalled"]
    shared = next(each for each in lines if each["business_key"] and each["idempotency_key"] not in counts)
    counts[shared["idempotency_key"]] = 1  # not one that a retry took over with its parent's key


def a_recall_of_nothing(books: Books, counts: dict[str, int]) -> None:
    line(books, id=line(books, state="recalled")["recalled_from"])["state"] = "absent"


def a_line_of_the_ledger_is_missing(books: Books, counts: dict[str, int]) -> None:
    gone = line(books, state="unknown")
    books.lines[gone["job_id"]].remove(gone)


def an_unknown_outcome_is_not_listed(books: Books, counts: dict[str, int]) -> None:
    job = books.jobs[line(books, state="unknown")["job_id"]]
    job["parked_on"] = "[]"


def a_step_left_running(books: Books, counts: dict[str, int]) -> None:
    step(books, state="parked")["state"] = "running"


def a_step_that_nobody_looks_at(books: Books, counts: dict[str, int]) -> None:
    step(books, node="rest", state="parked")["wake_at"] = None


def a_step_is_missing(books: Books, counts: dict[str, int]) -> None:
    gone = step(books, node="ask")
    books.steps[gone["job_id"]].remove(gone)


def another_fence(books: Books, counts: dict[str, int]) -> None:
    step(books, state="running")["fence"] += 1


def a_job_is_called_completed(books: Books, counts: dict[str, int]) -> None:
    books.jobs[step(books, node="ask")["job_id"]]["status"] = "completed"


def another_output(books: Books, counts: dict[str, int]) -> None:
    next(row for row in books.jobs.values() if row["status"] == "completed")["output"] = '"other"'


def an_approval_that_nobody_gave(books: Books, counts: dict[str, int]) -> None:
    row_of(books.approvals, {"state": "open"})["state"] = "approved"


def a_delivery_that_is_never_due(books: Books, counts: dict[str, int]) -> None:
    job = next(iter(books.jobs))
    books.deliveries.append({"id": "d", "job_id": job, "awaits": None, "wake_at": None})


def a_job_without_events(books: Books, counts: dict[str, int]) -> None:
    del books.events[next(iter(books.events))]  # type: ignore[attr-defined]


def events_without_a_job(books: Books, counts: dict[str, int]) -> None:
    del books.jobs[next(iter(books.jobs))]  # type: ignore[attr-defined]


def another_state_of_an_instance(books: Books, counts: dict[str, int]) -> None:
    next(iter(books.instances.values()))["state"] = '{"count":7}'


def a_turn_that_was_not_given(books: Books, counts: dict[str, int]) -> None:
    next(iter(books.instances.values()))["turn"] += 1


def a_message_that_begins_with_nothing(books: Books, counts: dict[str, int]) -> None:
    (instance,) = books.instances
    for job, row in books.jobs.items():
        born = books.events[job][0].body
        if row["instance"] == instance and born.get("state"):
            born["state"] = {}
    for events in books.events.values():
        for each in events:
            if each.kind == "wait_completed" and each.body["kind"] == "agent":
                each.body["value"]["state"] = {}


BROKEN: list[tuple[Callable[[Books, dict[str, int]], None], str]] = [
    (an_event_is_missing, "is numbered"),
    (the_last_event_is_missing, "the head in the job row is not the last event"),
    (a_body_was_changed, "the body is not what its digest says"),
    (an_effect_happened_twice, "happened 2 times"),
    (an_effect_never_happened, "it happened 0 times"),
    (nobody_promised, "which no promise names"),
    (a_business_key_twice, "under business key"),
    (a_recall_of_nothing, "which has not landed"),
    (a_line_of_the_ledger_is_missing, "not in both"),
    (an_unknown_outcome_is_not_listed, "neither settled nor listed"),
    (a_step_left_running, "state is 'running'"),
    (a_step_that_nobody_looks_at, "wake_at is None"),
    (a_step_is_missing, "the agenda holds"),
    (another_fence, "fence is"),
    (a_job_is_called_completed, "the events say not ended"),
    (another_output, "output is '\"other\"'"),
    (an_approval_that_nobody_gave, "state is 'approved'"),
    (a_delivery_that_is_never_due, "waits for nothing and is never due"),
    (another_state_of_an_instance, "state is"),
    (a_turn_that_was_not_given, "turn is"),
    (a_message_that_begins_with_nothing, "goes on from"),
    (a_job_without_events, "it has no events"),
    (events_without_a_job, "has events and no row"),
]


def test_books_in_order_are_found_in_order(told: tuple[Books, dict[str, int]]) -> None:
    books, counts = told
    assert audit.findings(books, counts) == []
    statuses = {row["status"] for row in books.jobs.values()}
    assert statuses >= {"pending", "running", "parked", "paused", "completed", "failed"}


def test_both_folds_give_the_same_agenda_after_every_commit(told: tuple[Books, dict[str, int]]) -> None:
    for job, events in told[0].events.items():
        state = JobState(job=job)
        for number, each in enumerate(events, start=1):
            state = evolve(state, Fact(each.kind, each.node, each.body, each.seq, each.at))
            if number < len(events) and events[number].at == each.at:
                continue  # in the middle of a commit
            rows = [as_read({"node": name, **row}) for name, row in agenda_of(state).items()]
            assert list(audit_rows.agenda(rows, events[0], fold(events[:number]))) == [], (job, each)


@pytest.mark.parametrize(("broken", "says"), BROKEN, ids=[each.__name__ for each, _ in BROKEN])
def test_what_is_broken_is_found(
    broken: Callable[[Books, dict[str, int]], None], says: str, told: tuple[Books, dict[str, int]]
) -> None:
    books, counts = told
    broken(books, counts)
    found = audit.findings(books, counts)
    assert any(says in each for each in found), found


def a_step_claimed_twice(books: Books) -> str:
    events, place = event(books, "node_started")
    replaced(books, [*events[: place + 1], events[place], *events[place + 1 :]])
    return "which is claimed already"


def a_write_under_an_older_fence(books: Books) -> str:
    events, place = event(books, "node_finished", outcome="done")
    fence = events[place].body["fence"]
    late = replace(events[place], kind="command_committed", body={"fence": fence - 1, "outcome": "done"})
    replaced(books, [*events[:place], late, *events[place:]])
    return f"was written under fence {fence - 1}"


def an_end_before_a_promise_is_settled(books: Books) -> str:
    events, place = event(books, "outcome_unknown")
    body = {"actor": {}, "reason": ""}
    end = replace(events[place], kind="job_cancelled", node="", body=body)
    replaced(books, [*events[: place + 1], end])
    books.jobs[events[0].row["job_id"]]["status"] = "cancelled"
    return "was open or unknown"


def two_ends(books: Books) -> str:
    events, place = event(books, "job_completed")
    replaced(books, [*events[: place + 1], *events[place:]])
    return "2 terminal events"


def a_step_after_the_end(books: Books) -> str:
    events, place = event(books, "job_completed")
    started_again, at = event(books, "node_started")
    more = replace(started_again[at], row={**events[0].row})
    replaced(books, [*events[: place + 1], replace(more, at=events[place].at)])
    return "after the end came ['node_started']"


def an_earlier_effect_undone_first(books: Books) -> str:
    events, place = event(books, "command_emitted", command="compensation")
    first = next(each.node for each in events if each.kind == "tool_invocation_started")
    other = replace(events[place], body={**events[place].body, "call": first})
    replaced(books, [*events[:place], other, *events[place + 1 :]])
    return f"undoes {first}, which did not land last"


@pytest.mark.parametrize(
    "forged",
    [
        an_earlier_effect_undone_first,a_step_claimed_twice, a_write_under_an_older_fence, an_end_before_a_promise_is_settled, two_ends,
     a_step_after_the_end],
    ids=lambda each: each.__name__,
)  # fmt: skip
def test_a_stream_that_links_well_and_breaks_a_law_is_found(
    forged: Callable[[Books], str], told: tuple[Books, dict[str, int]]
) -> None:
    books, counts = told
    says = forged(books)
    found = audit.findings(books, counts)
    assert any(says in each for each in found), found


def test_what_a_door_accepted_and_did_not_keep_is_found(told: tuple[Books, dict[str, int]]) -> None:
    books, _ = told
    events, place = event(books, "signal_received", id="the word")
    job = events[place].row["job_id"]
    kept = {
        "jobs": {1: job},
        "signals": [(job, "the word")],
        "votes": [],
        "retries": [],
        "controls": [(job, "pause")],
    }
    assert list(audit_kept.promises(books, kept)) == []
    lost = {
        "jobs": {1: "nowhere"}, "signals": [(job, "another word")], "votes": [("a", "b")], "retries": [(job, "c")], "controls": [(job, "cancel")],
    }  # fmt: skip
    found = "\n".join(audit_kept.promises(books, lost))
    for says in ("does not exist", "0 events tell of it", "vote of b", "cancel of job", "the retry of job"):
        assert says in found
