"""What no retry is given for, and two retries at once (Law E9)."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from django.db import transaction

from forensics.services import verify_job
from jobs import TaskGraph, resolve, retry
from jobs.core.errors import Illegal, NotAllowed, NotFound
from jobs.models import Job
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import add, opaque_send, send
from tests.engine.driving import a_word, beside, kinds, ran, started
from tests.engine.retrying import BOB, NO, ZOE, chain, refusal, retried
from tests.factories import a_tenant, person

pytestmark = pytest.mark.usefixtures("here")


def test_only_one_of_two_retries_at_once_is_born() -> None:
    word = a_word()
    world.script(word, NO)
    job = ran(chain(word, a_word(), a_word())).job
    born: list[str] = []
    refused: list[Illegal] = []
    together = threading.Barrier(4)

    def ask() -> None:
        together.wait(30)
        try:
            born.append(str(retry(job, actor=ZOE)))
        except Illegal as why:
            refused.append(why)

    for thread in [beside(ask) for _ in range(4)]:
        thread.join(60)
    assert (len(born), len(refused)) == (1, 3)
    assert {(why.code, why.details["job"]) for why in refused} == {("retried_already", born[0])}
    assert Job.objects.filter(origin=job).count() == 2


def test_a_job_that_was_retried_is_not_retried_again_but_its_retry_is_named() -> None:
    word = a_word()
    world.script(word, NO, NO)
    job = ran(chain(word, a_word(), a_word())).job
    second = retried(job)
    why = refusal(job)
    assert (why.code, why.details["job"]) == ("retried_already", second.job)
    assert f"as job {second.job} (it is failed: retry that one)" in why.message


def test_the_same_idempotency_key_gives_the_same_retry() -> None:
    word, key = a_word(), a_word()
    world.script(word, NO)
    job = ran(chain(word, a_word(), a_word())).job
    first = retry(job, actor=ZOE, idempotency_key=key)
    assert retry(job, actor=ZOE, idempotency_key=key) == first
    assert verify_job(first)["problem"] is None


@pytest.mark.parametrize("status", ["pending", "completed"])
def test_only_a_failed_or_cancelled_job_is_retried(status: str) -> None:
    graph = TaskGraph()
    graph.tool("one", add, a=1)
    job = started(graph) if status == "pending" else ran(graph).job
    why = refusal(job)
    assert why.code == {"pending": "job_not_ended", "completed": "job_completed"}[status]


def test_a_call_that_was_given_up_is_not_made_again_by_a_retry() -> None:
    word = a_word()
    graph = TaskGraph()
    graph.tool("once", send, word=word)
    world.script(word, ValueError("who knows"))
    job = started(graph)
    assert run_until_parked(job).status == "parked"
    line = Invocation.objects.get(job_id=job, state="unknown")
    resolve(line.id, "fail", actor=BOB)
    assert run_until_parked(job).status == "failed"
    why = refusal(job)
    assert (why.code, why.details["calls"][0]["invocation"]) == ("not_repeatable", str(line.id))


def test_a_call_that_landed_without_a_storable_result_is_not_made_again_by_a_retry() -> None:
    graph = TaskGraph()
    graph.tool("once", opaque_send, word=a_word())
    job = ran(graph).job
    why = refusal(job)
    assert (why.code, why.details["calls"][0]["state"]) == ("not_repeatable", "landed")


def test_nobody_retries_a_job_of_another_tenant_or_without_the_permission() -> None:
    word = a_word()
    world.script(word, NO)
    job = ran(chain(word, a_word(), a_word())).job
    with pytest.raises(NotFound):
        retry(job, actor=person("ann", tenant=a_tenant()))
    for lacking in ("submit", "control"):
        with pytest.raises(NotAllowed):
            retry(job, actor=replace(ZOE, may=ZOE.may - {lacking}))


def test_inside_a_callers_transaction_a_retry_is_born_with_it_or_not_at_all() -> None:
    word = a_word()
    world.script(word, NO)
    job = ran(chain(word, a_word(), a_word())).job
    with transaction.atomic():
        lost = retry(job, actor=ZOE)
        with pytest.raises(Illegal, match="was retried already"):
            retry(job, actor=ZOE)
        transaction.set_rollback(True)
    assert not Job.objects.filter(id=lost).exists()
    with transaction.atomic():
        second = retry(job, actor=ZOE)
    state = run_until_parked(second)
    assert (state.status, world.times(word)) == ("completed", 2)
    assert kinds(job)[-1] == "job_forked"
