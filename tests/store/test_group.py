"""Group commit: what threads of one process want of one job at the same moment is one commit, and nobody pays for another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError

from jobs import TaskGraph, store
from jobs.core.commands import Pause, Resume, SendSignal, StartNode
from jobs.core.errors import Fenced, Illegal
from jobs.models import Event, Step
from jobs.store import at_once, door, reading, writing
from jobs.store.group import Wish
from jobs.store.reading import Entry
from jobs.store.writing import WorkerDead
from ledger.models import Invocation
from tests.factories import a_job, a_planned_job, a_worker, claim, person, promise, told
from tests.store.audit import check, kinds_of
from tests.store.rivals import Aside, append_begins, as_another_process, before_statement, commits_lost


def letter(name: str) -> SendSignal:
    return SendSignal("go", {"from": name}, name, person())


def branches(count: int) -> TaskGraph:
    """Calls of one tool, side by side."""
    graph = TaskGraph()
    for place in range(count):
        graph.tool(f"b{place}", "pay")
    return graph


@contextmanager
def queued(job: str, *works: Callable[[], Any]) -> Iterator[list[Aside]]:
    """Within the block this thread has the job's lock, and the others' commits wait behind it."""
    known = reading.entry(job)
    with known.lock:
        others = []
        for place, work in enumerate(works, 1):
            others.append(Aside(work))
            give_up = time.monotonic() + 60
            while len(known.asked) < place:
                assert time.monotonic() < give_up
                time.sleep(0.001)
        yield others


def moments(job: str) -> int:
    """How many commits wrote the job's events: those of one commit are of one moment."""
    return len(set(Event.objects.filter(job_id=job).values_list("at", flat=True)))


def test_what_waits_for_a_job_is_written_with_whoever_comes_to_it(engine_db: str) -> None:
    job = a_job()
    met: list[str] = []

    def write(name: str) -> Any:
        with before_statement(append_begins(), lambda: None, times=9) as tries:
            done = store.commit(job, letter(name))
        met.extend(tries)
        return done

    with queued(job, lambda: write("first"), lambda: write("second")) as others:
        mine = store.commit(job, letter("third"))
    theirs = [other.result() for other in others]
    assert kinds_of(job).count("signal_received") == 3
    assert moments(job) == 2, "the birth, and one commit of three"
    assert met == [], "the others wrote nothing themselves"
    assert all(done.state is mine.state for done in theirs)
    check(job)


def test_claims_and_outcomes_of_many_branches_go_together(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(6), worker)

    def begin(node: str) -> Callable[[], Any]:
        wish = StartNode(node, worker, promise(job, node))
        return lambda: store.commit(job, wish, worker=worker).state.nodes[node].fence

    before = moments(job)
    with queued(job, *[begin(f"b{place}") for place in range(1, 6)]) as others:
        fences = [begin("b0")()]
    fences += [other.result() for other in others]
    assert moments(job) == before + 1
    assert Invocation.objects.filter(job_id=job).count() == 6

    def tell(place: int) -> Callable[[], Any]:
        return lambda: store.commit(job, told(fences[place], place, node=f"b{place}"), patience=lambda: True)

    with queued(job, *[tell(place) for place in range(1, 6)]) as others:
        done = tell(0)()
    assert [other.result().state for other in others] == [done.state] * 5
    assert moments(job) == before + 2
    assert done.state.phase == "completed"
    lines = Invocation.objects.filter(job_id=job).order_by("node").values_list("node", "state", "result")
    assert list(lines) == [(f"b{place}", "landed", str(place)) for place in range(6)]
    check(job)


def test_an_outcome_and_the_claim_of_another_thread_go_together(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(2), worker)
    fence = claim(job, worker, "b0")
    begin = StartNode("b1", worker, promise(job, "b1"))
    with queued(job, lambda: store.commit(job, begin, worker=worker)) as others:
        store.commit(job, told(fence, node="b0"))
    state = others[0].result().state
    assert state.nodes["b1"].status == "running"
    assert state.nodes["b0"].status == "done"
    check(job)


def test_whoever_is_refused_takes_nobody_along(engine_db: str) -> None:
    job = a_job()
    works = [
        lambda: store.commit(job, Resume(person())),
        lambda: store.commit(job, letter("second")),
    ]
    with queued(job, *works) as others:
        store.commit(job, letter("first"))
    with pytest.raises(Illegal):
        others[0].result()
    others[1].result()
    assert kinds_of(job).count("signal_received") == 2
    check(job)


def test_a_stale_claim_is_fenced_alone(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(2), worker)
    fences = [claim(job, worker, f"b{place}") for place in range(2)]
    with queued(job, lambda: store.commit(job, told(fences[0] + 100, node="b0"))) as others:
        done = store.commit(job, told(fences[1], node="b1"))
    assert done.state.nodes["b1"].status == "done"
    with pytest.raises(Fenced):
        others[0].result()
    assert store.load(job).nodes["b0"].status == "running"
    check(job)


def test_two_claims_of_one_step_make_one(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(2), worker)
    begin = StartNode("b0", worker, promise(job, "b0"))
    with queued(job, lambda: store.commit(job, begin, worker=worker)) as others:
        store.commit(job, begin, worker=worker)
    with pytest.raises(Illegal):
        others[0].result()
    assert Invocation.objects.filter(job_id=job).count() == 1
    check(job)


def test_a_dead_worker_claims_nothing_and_keeps_nobody_from_telling(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(2), worker)
    fence = claim(job, worker, "b0")
    dead = a_worker(dead=True)
    begin = StartNode("b1", dead, promise(job, "b1"))
    with queued(job, lambda: store.commit(job, begin, worker=dead)) as others:
        done = store.commit(job, told(fence, node="b0"))
    assert done.state.nodes["b0"].status == "done"
    with pytest.raises(WorkerDead):
        others[0].result()
    assert Step.objects.get(job_id=job, node="b1").state == "ready"
    check(job)


def test_a_group_that_changes_nothing_is_judged_once(engine_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job()
    for name in ("first", "second"):
        store.commit(job, letter(name))
    before = store.load(job)
    usual, judged = door._committed, []

    def committed(known: Any, wish: Wish, patience: Any) -> Any:
        judged.append(wish.commands)
        return usual(known, wish, patience)

    monkeypatch.setattr(door, "_committed", committed)
    with queued(job, lambda: store.commit(job, letter("second"))) as others:
        mine = store.commit(job, letter("first"))
    assert mine == others[0].result() == (before, ())
    assert len(judged) == 1


@pytest.mark.parametrize("fate", ["written", "gone"])
def test_a_group_whose_answer_is_lost_is_written_once(engine_db: str, fate: str) -> None:
    worker = a_worker()
    job = a_planned_job(branches(3), worker)
    fences = [claim(job, worker, f"b{place}") for place in range(3)]

    def tell(place: int) -> Any:
        return store.commit(job, told(fences[place], place, node=f"b{place}"), patience=lambda: True)

    with queued(job, lambda: tell(1), lambda: tell(2)) as others, commits_lost(fate) as fates:
        tell(0)
    assert fates == [fate]
    assert [other.result().state.phase for other in others] == ["completed"] * 2
    assert kinds_of(job).count("tool_invocation_finished") == 3
    check(job)


def test_an_outage_that_nobody_waits_out_is_told_to_all_of_a_group(engine_db: str) -> None:
    job = a_job()
    with (
        queued(job, lambda: store.commit(job, letter("second"))) as others,
        commits_lost("gone", "gone", "gone", "gone"),
        pytest.raises(OperationalError),
    ):
        store.commit(job, letter("first"))
    with pytest.raises(OperationalError):
        others[0].result()
    assert kinds_of(job).count("signal_received") == 0
    check(job)


def test_outcomes_wait_out_an_outage_that_begins_before_they_are_judged(
    engine_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = a_worker()
    job = a_planned_job(branches(2), worker)
    fences = [claim(job, worker, f"b{place}") for place in range(2)]
    away = [OperationalError("the connection was lost"), OperationalError("and again")]
    usual = reading.refresh

    def refresh(known: Entry) -> Any:
        if away:
            raise away.pop()
        return usual(known)

    def tell(place: int) -> Any:
        return store.commit(job, told(fences[place], place, node=f"b{place}"), patience=lambda: True)

    with queued(job, lambda: tell(1)) as others:
        reading.entry(job).forget()
        monkeypatch.setattr(reading, "refresh", refresh)
        tell(0)
    assert not away
    assert others[0].result().state.phase == "completed"
    check(job)


def test_a_group_that_meets_a_conflict_is_judged_anew_and_stays_together(engine_db: str) -> None:
    job = a_job()
    store.load(job)
    with queued(job, lambda: store.commit(job, letter("second"))) as others:
        as_another_process(job, Pause(person()))
        store.commit(job, letter("first"))
    others[0].result()
    assert kinds_of(job)[-3:] == ["job_paused", "signal_received", "signal_received"]
    assert moments(job) == 3
    check(job)


def test_an_error_of_one_is_told_to_that_one(engine_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = a_job()
    usual = writing.seal

    def broken(before: Any, after: Any, facts: Any, prev: str) -> Any:
        if any("bad" in str(fact.body) for fact in facts):
            raise KeyError("a fault of ours")
        return usual(before, after, facts, prev)

    monkeypatch.setattr("jobs.store.door.seal", broken)
    with queued(job, lambda: store.commit(job, letter("bad"))) as others:
        store.commit(job, letter("good"))
    with pytest.raises(KeyError):
        others[0].result()
    assert kinds_of(job).count("signal_received") == 1


def test_the_statement_settles_one_and_many_calls() -> None:
    for several in (False, True):
        assert "settled AS" in at_once._statement(("status",), several).text
