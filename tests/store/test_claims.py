"""Law L4: the claim is an event, one worker gets it, a dead worker gets none, and a stale fence writes nothing."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from jobs import store
from jobs.core.commands import Command, LoseLease, StartNode
from jobs.core.errors import Fenced, Refused
from jobs.models import Job, Step, Worker
from jobs.store import WorkerDead
from ledger.models import Invocation
from tests.factories import (
    a_job,
    a_planned_job,
    a_worker,
    chain_of,
    claim,
    one_tool,
    promise,
    status_of,
    told,
)
from tests.store.audit import check, kinds_of
from tests.store.rivals import Aside, append_begins, as_another_process, aside, before_statement


def claiming(job: str, worker: str, node: str = "pay") -> StartNode:
    return StartNode(node, worker, promise(job, node))


def test_a_dead_worker_claims_nothing_and_writes_nothing(engine_db: str) -> None:
    living, dead = a_worker(), a_worker(dead=True)
    job = a_planned_job(one_tool(), living)
    before = Job.objects.values().get(id=job)
    with pytest.raises(WorkerDead, match=dead):
        store.commit(job, claiming(job, dead), worker=dead)
    assert Job.objects.values().get(id=job) == before
    assert not Invocation.objects.filter(job_id=job).exists()
    assert Step.objects.get(job_id=job).state == "ready"
    check(job)


def test_a_worker_that_dies_while_it_claims_claims_nothing(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)

    def die() -> None:
        aside(lambda: Worker.objects.filter(id=worker).update(dead=True))

    with before_statement(append_begins(), die), pytest.raises(WorkerDead):
        store.commit(job, claiming(job, worker), worker=worker)
    assert not Invocation.objects.filter(job_id=job).exists()
    check(job)


def test_a_dead_worker_does_not_begin_the_next_step_with_its_outcome_but_tells_it(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    fence = claim(job, worker, "first")
    Worker.objects.filter(id=worker).update(dead=True)
    with pytest.raises(WorkerDead):
        store.commit(job, told(fence, node="first"), claiming(job, worker, "second"), worker=worker)
    store.commit(job, told(fence, node="first"))
    assert Step.objects.get(job_id=job).node == "second"
    check(job)


def test_of_two_workers_that_claim_one_step_at_once_one_wins_and_the_other_learns_it_is_not_ready(
    engine_db: str,
) -> None:
    one, other = a_worker(), a_worker()
    job = a_planned_job(one_tool(), one)
    store.load(job)

    def rival() -> None:
        aside(lambda: as_another_process(job, claiming(job, other), worker=other))

    with before_statement(append_begins(), rival), pytest.raises(Refused) as refused:
        store.commit(job, claiming(job, one), worker=one)
    assert refused.value.code == "not_ready"
    assert str(Step.objects.get(job_id=job).worker) == other
    assert Invocation.objects.filter(job_id=job).count() == 1
    check(job)


def test_of_many_threads_that_claim_one_step_exactly_one_gets_it(engine_db: str) -> None:
    workers = [a_worker() for _ in range(5)]
    job = a_planned_job(one_tool(), workers[0])
    start = threading.Barrier(len(workers))

    def compete(worker: str) -> str:
        start.wait(30)
        try:
            store.commit(job, claiming(job, worker), worker=worker)
        except Refused as refused:
            return refused.code
        return "won"

    said = [each.result() for each in [Aside(partial(compete, worker)) for worker in workers]]
    assert sorted(said) == ["not_ready"] * 4 + ["won"]
    assert kinds_of(job).count("tool_invocation_started") == 1
    check(job)


@pytest.mark.parametrize("late", ["tell", "lose"])
def test_a_worker_whose_claim_was_taken_over_writes_nothing(engine_db: str, late: str) -> None:
    one, other = a_worker(), a_worker()
    job = a_planned_job(one_tool(), one)
    fence = claim(job, one, effect="idempotent")
    store.commit(job, LoseLease("pay", fence, "worker_dead", known_dead=True))
    claim(job, other, effect="idempotent")
    before = kinds_of(job)
    wish: Command = told(fence) if late == "tell" else LoseLease("pay", fence, "worker_dead", known_dead=True)
    with pytest.raises(Fenced):
        store.commit(job, wish)
    assert kinds_of(job) == before
    check(job)


def test_a_claim_of_a_job_that_does_not_exist_is_not_found(engine_db: str) -> None:
    worker = a_worker()
    with pytest.raises(Refused) as refused:
        store.commit("0198f0c0-0000-7000-8000-00000000dead", claiming(a_job(), worker), worker=worker)
    assert refused.value.code == "not_found"


def test_a_settled_step_leaves_the_agenda_and_its_successor_is_knocked_once(
    engine_db: str, knocked: list[tuple[str, tuple[str, ...], str]]
) -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("first", "second"), worker)
    fence = claim(job, worker, "first")
    knocked.clear()
    store.commit(job, told(fence, node="first"))
    assert [step.node for step in Step.objects.filter(job_id=job)] == ["second"]
    assert [args for task, args, _ in knocked if task == "aetheris.step"] == [(job, "second")]
    assert status_of(job) == "running"
