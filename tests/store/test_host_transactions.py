"""Law L7: inside a caller's own transaction a verb takes effect only if the caller commits."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import transaction

from jobs import TaskGraph, approve, cancel, clock, reject, signal, store, submit
from jobs.core.commands import LoseLease
from jobs.core.errors import NotFound
from jobs.models import Approval, Definition, Delivery, Job
from jobs.services import deliver_due, pause, resolve, resume, send_message
from ledger.models import Invocation
from tests.factories import a_job, a_planned_job, a_tenant, a_worker, claim, one_tool, person, status_of
from tests.store.audit import check, kinds_of

Heard = list[tuple[str, tuple[str, ...], str]]
SIGNATORY = person("signatory")


@pytest.fixture
def agent(engine_db: str) -> str:
    """The name of an agent that takes any goal."""
    name = f"host-{uuid4().hex[:8]}"
    Definition.objects.create(kind="agent", name=name, version="1", schema="{}", seen_at=clock.now())
    return name


def asking() -> str:
    """A job that waits for an approval."""
    graph = TaskGraph()
    graph.approval("ask", "Sure?", users=[SIGNATORY.id])
    return a_planned_job(graph, a_worker())


def in_doubt() -> str:
    """A job whose call has an unknown outcome."""
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)
    store.commit(job, LoseLease("pay", claim(job, worker), "worker_dead", known_dead=False))
    return job


def settle(job: str) -> None:
    resolve(Invocation.objects.get(job_id=job).id, "fail", actor=person())


VERBS: dict[str, tuple[Callable[[], str], Callable[[str], object], str]] = {
    "signal": (a_job, lambda job: signal(job, "go", 1), "signal_received"),
    "message": (a_job, lambda job: send_message(job, "in", 1), "message_received"),
    "approve": (asking, lambda job: approve(job, actor=SIGNATORY), "approval_decided"),
    "reject": (asking, lambda job: reject(job, actor=SIGNATORY), "approval_decided"),
    "cancel": (a_job, lambda job: cancel(job, reason="host"), "job_cancelled"),
    "pause": (a_job, lambda job: pause(job), "job_paused"),
    "resolve": (in_doubt, settle, "outcome_resolved"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_takes_effect_when_its_caller_has_committed(engine_db: str, knocked: Heard, verb: str) -> None:
    prepare, act, kind = VERBS[verb]
    job = prepare()
    with transaction.atomic():
        act(job)
        knocked.clear()
        assert kind not in kinds_of(job)
    assert [task for task, _, _ in knocked] == ["aetheris.deliver"]
    assert kind not in kinds_of(job), "it is carried out in a commit of its own"
    deliver_due()
    assert kind in kinds_of(job)
    assert not Delivery.objects.filter(job_id=job).exists()
    check(job)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_vanishes_with_its_callers_rollback(engine_db: str, knocked: Heard, verb: str) -> None:
    prepare, act, kind = VERBS[verb]
    job = prepare()
    knocked.clear()
    with transaction.atomic():
        act(job)
        transaction.set_rollback(True)
    deliver_due()
    assert kind not in kinds_of(job)
    assert knocked == []
    check(job)


def test_a_submitted_job_exists_if_its_caller_commits_and_only_then_is_knocked(
    agent: str, knocked: Heard
) -> None:
    with transaction.atomic():
        job = str(submit(agent, {"n": 1}))
        assert knocked == []
    assert [args for task, args, _ in knocked if task == "aetheris.step"] == [(job, "_plan")]
    check(job)


def test_a_submitted_job_vanishes_with_its_callers_rollback(agent: str, knocked: Heard) -> None:
    with transaction.atomic():
        job = str(submit(agent, {"n": 1}))
        transaction.set_rollback(True)
    assert not Job.objects.filter(id=job).exists()
    assert knocked == []
    with pytest.raises(NotFound):
        store.load(job)


def test_a_key_that_was_used_before_does_not_break_the_callers_transaction(agent: str) -> None:
    key = uuid4().hex
    first = submit(agent, {"n": 1}, idempotency_key=key)
    with transaction.atomic():
        assert submit(agent, {"n": 1}, idempotency_key=key) == first
        second = submit(agent, {"n": 2})
    assert Job.objects.filter(id=second).exists()


def test_a_job_and_a_word_to_it_in_one_transaction_both_arrive(agent: str) -> None:
    with transaction.atomic():
        job = str(submit(agent, {"n": 1}))
        signal(job, "go", 1)
    deliver_due()
    assert kinds_of(job) == ["job_created", "signal_received"]
    check(job)


def test_words_of_one_transaction_arrive_in_their_order(engine_db: str) -> None:
    job = a_job()
    with transaction.atomic():
        pause(job)
        resume(job)
        pause(job)
    deliver_due()
    assert kinds_of(job) == ["job_created", "job_paused", "job_resumed", "job_paused"]


def test_a_late_vote_of_a_host_is_refused_without_a_trace(engine_db: str) -> None:
    job = asking()
    with transaction.atomic():
        approve(job, actor=SIGNATORY)
    reject(job, actor=SIGNATORY)
    deliver_due()
    assert Approval.objects.get(job_id=job).state == "rejected"
    assert status_of(job) == "completed"
    check(job)


@pytest.mark.parametrize("foreign", ["another tenant's", "nobody's", "nonsense"])
def test_a_foreign_job_is_not_found_inside_a_transaction_either(engine_db: str, foreign: str) -> None:
    job = {
        "another tenant's": a_job(actor=person(tenant=a_tenant())),
        "nobody's": str(uuid4()),
        "nonsense": "x",
    }[foreign]
    with transaction.atomic(), pytest.raises(NotFound):
        signal(job, "go", 1)
