"""Laws E2 and E3: one effect per business key for ever; the second use recalls, waits, or is refused."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from jobs import store
from jobs.calls import instead
from jobs.core.commands import Actor, Answer, AwaitEffect, LoseLease, Recall, StartNode
from jobs.models import Delivery, Job, Step
from jobs.services import deliver_due, resolve
from ledger.models import Invocation
from ledger.services import Taken
from ledger.verdict import Conflict, Doubt, Undone
from ledger.verdict import Recall as Recalled
from tests.factories import (
    a_planned_job,
    a_tenant,
    a_worker,
    claim,
    one_tool,
    person,
    promise,
    status_of,
    told,
)
from tests.store.audit import check, kinds_of
from tests.store.rivals import append_begins, before_statement, elsewhere

OTHER = {"cents": 6}


def a_key() -> str:
    return f"refund:{uuid4().hex}"


def a_payment(worker: str, **more: Any) -> str:
    """A job with one step `pay`, ready to be claimed."""
    return a_planned_job(one_tool(), worker, **more)


def refused_by_the_book(job: str, worker: str, key: str, **changes: Any) -> Taken:
    """What the ledger says to a claim that it lets not through; nothing of the append is left."""
    before = Job.objects.values().get(id=job), kinds_of(job), list(Step.objects.filter(job_id=job).values())
    with pytest.raises(Taken) as taken:
        claim(job, worker, business_key=key, **changes)
    after = Job.objects.values().get(id=job), kinds_of(job), list(Step.objects.filter(job_id=job).values())
    assert after == before
    assert not Invocation.objects.filter(job_id=job, holds=True).exists()
    check(job)
    return taken.value


def awaiting(job: str, worker: str, key: str, taken: Taken) -> AwaitEffect:
    assert isinstance(taken.verdict, Doubt)
    holder = {"job": taken.verdict.entry.job, "invocation": taken.verdict.entry.invocation}
    made = promise(job, business_key=key)
    return AwaitEffect(node="pay", worker=worker, path="pay", fence=0, promise=made, holder=holder)


def test_a_key_used_for_other_arguments_is_a_conflict_and_nothing_is_promised(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    claim(first, worker, business_key=key)
    taken = refused_by_the_book(second, worker, key, args=OTHER)
    assert isinstance(taken.verdict, Conflict)
    assert taken.verdict.entry.job == first


def test_a_landed_effect_is_recalled_with_its_result_and_its_origin(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    store.commit(first, told(claim(first, worker, business_key=key), {"id": "R1"}))
    taken = refused_by_the_book(second, worker, key)
    assert isinstance(taken.verdict, Recalled)
    source = {
        "job": first, "invocation": taken.verdict.entry.invocation, "version": "1", "schema": "s",
        "effect": "at_most_once", "key": promise(second).key, "business_key": key,
    }  # fmt: skip
    result = json.loads(taken.verdict.entry.result or "null")
    store.commit(second, Recall("pay", worker, "pay", 0, promise(second, business_key=key), result, source))
    assert store.load(second).output == {"id": "R1"}
    line = Invocation.objects.get(job_id=second)
    assert (line.state, line.holds, str(line.recalled_from)) == ("recalled", False, source["invocation"])
    check(second)


def test_behind_an_open_call_the_second_parks_and_its_settlement_wakes_it(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    fence = claim(first, worker, business_key=key)
    wish = awaiting(second, worker, key, refused_by_the_book(second, worker, key))
    store.commit(second, wish, worker=worker)
    assert status_of(second) == "parked"
    assert Delivery.objects.get(job_id=second).wake_at is None, "held back until the other call is settled"
    store.commit(first, told(fence))
    deliver_due()
    assert Step.objects.get(job_id=second).state == "ready"
    assert not Delivery.objects.filter(job_id=second).exists()
    check(second)


def test_a_settlement_between_refusal_and_parking_wakes_the_second_all_the_same(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    fence = claim(first, worker, business_key=key)
    wish = awaiting(second, worker, key, refused_by_the_book(second, worker, key))
    with before_statement(append_begins(), lambda: elsewhere(lambda: store.commit(first, told(fence)))):
        store.commit(second, wish, worker=worker)
    assert status_of(second) == "parked"
    deliver_due()
    assert Step.objects.get(job_id=second).state == "ready"
    check(second)


def test_an_item_of_a_map_that_waits_for_a_settlement_is_woken(engine_db: str) -> None:
    from jobs import TaskGraph

    worker, key = a_worker(), a_key()
    first = a_payment(worker)
    fence = claim(first, worker, business_key=key)
    graph = TaskGraph()
    graph.map("all", "pay", over=[1])
    second = a_planned_job(graph, worker)
    holder = {"job": first, "invocation": str(Invocation.objects.get(job_id=first).id)}
    made = promise(second, "all/0", business_key=key)
    wish = AwaitEffect(node="all/0", worker=worker, path="all/0", fence=0, promise=made, holder=holder)
    store.commit(second, wish, worker=worker)
    store.commit(first, told(fence))
    deliver_due()
    assert Step.objects.get(job_id=second, node="all/0").state == "ready"


def test_behind_an_unknown_outcome_the_second_waits_for_the_person_who_resolves_it(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    fence = claim(first, worker, business_key=key)
    store.commit(first, LoseLease("pay", fence, "worker_dead", known_dead=False))
    wish = awaiting(second, worker, key, refused_by_the_book(second, worker, key))
    store.commit(second, wish, worker=worker)
    line = Invocation.objects.get(job_id=first)
    assert line.state == "unknown"
    resolve(line.id, "landed", actor=person(), result="R1")
    deliver_due()
    assert isinstance(refused_by_the_book(second, worker, key).verdict, Recalled)


def test_a_call_that_did_not_land_gives_the_key_back_and_the_second_takes_it(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    store.commit(first, told(claim(first, worker, business_key=key), kind="not_landed"))
    claim(second, worker, business_key=key)
    assert Invocation.objects.get(business_key=key, holds=True).job_id.hex == second.replace("-", "")
    check(first)
    check(second)


def test_an_effect_that_was_given_up_is_not_done_again_and_nobody_waits_for_it_for_ever(
    engine_db: str,
) -> None:
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    fence = claim(first, worker, business_key=key)
    store.commit(first, LoseLease("pay", fence, "worker_dead", known_dead=False))
    who = Actor(id="u", name="desk")
    store.commit(first, Answer(path="pay", verdict="fail", by=who))
    assert isinstance(refused_by_the_book(second, worker, key).verdict, Undone)


def test_another_tenants_key_is_another_key(engine_db: str) -> None:
    worker, key = a_worker(), a_key()
    ours, theirs = a_payment(worker), a_payment(worker, actor=person(tenant=a_tenant()))
    claim(ours, worker, business_key=key)
    claim(theirs, worker, business_key=key)
    assert Invocation.objects.filter(business_key=key, holds=True).count() == 2


def test_two_jobs_that_take_one_key_at_the_same_moment_do_not_both_get_it(engine_db: str) -> None:
    """E3, insert wins: the rival's line appears after the book was asked and before the line is written."""
    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    mark = 'INSERT INTO "aetheris_ledger_invocation"' if _postgres() else append_begins()
    with before_statement(mark, lambda: elsewhere(lambda: claim(first, worker, business_key=key))) as met:
        taken = refused_by_the_book(second, worker, key)
    assert met
    assert isinstance(taken.verdict, Doubt)
    assert Invocation.objects.filter(business_key=key).count() == 1


def test_what_a_runner_does_instead_of_a_taken_call_is_accepted_by_the_door(engine_db: str) -> None:
    from jobs.calls import Claim

    worker, key = a_worker(), a_key()
    first, second = a_payment(worker), a_payment(worker)
    claim(first, worker, business_key=key)
    taken = refused_by_the_book(second, worker, key, args=OTHER)
    me: Any = type("Me", (), {"id": worker})()
    wish = instead(Claim(second, "pay", 0, me), promise(second, business_key=key, args=OTHER), "pay", taken)
    store.commit(second, wish, worker=worker)
    assert status_of(second) == "failed"
    error = json.loads(Job.objects.get(id=second).error or "null")
    assert (error["code"], error["job"]) == ("key_conflict", first)
    check(second)


def test_a_claim_without_a_business_key_asks_nobody(engine_db: str) -> None:
    worker = a_worker()
    first, second = a_payment(worker), a_payment(worker)
    claim(first, worker)
    store.commit(second, StartNode("pay", worker, promise(second)), worker=worker)
    assert Invocation.objects.filter(job_id=second, state="open").exists()


def _postgres() -> bool:
    from django.db import connection

    return connection.vendor == "postgresql"
