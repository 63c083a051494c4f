"""Law L7: what one job owes another is a row of the sender's commit, carried out once in the receiver's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from jobs import TaskGraph, clock, store
from jobs.core.chain import canonical
from jobs.core.commands import Cancel, Pause, Resume
from jobs.core.ids import child_id
from jobs.models import Definition, Delivery, Job, Step
from jobs.services import deliver_due
from jobs.store.deliveries import PATIENCE
from tests.factories import (
    a_job,
    a_planned_job,
    a_tenant,
    a_worker,
    chain_of,
    claim,
    one_tool,
    person,
    plan,
    status_of,
    told,
)
from tests.store.audit import check, kinds_of
from tests.store.rivals import Aside


@pytest.fixture(autouse=True)
def _helper(engine_db: str) -> None:
    """An agent that workers offer: it takes a goal with a number in it."""
    schema = {"properties": {"goal": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}}}
    Definition.objects.update_or_create(
        kind="agent",
        name="helper",
        version="1",
        defaults={"schema": canonical(schema), "seen_at": clock.now()},
    )


def a_parent(worker: str, goal: object = None, agent: str = "helper") -> str:
    graph = TaskGraph()
    graph.output(graph.agent("ask", agent, goal or {"n": 1}))
    return a_planned_job(graph, worker, actor=person(tenant=a_tenant()))


def deliver(job: str) -> None:
    """Carry out what is due, of this job and of those before it."""
    while Delivery.objects.filter(job_id=job, wake_at__lte=clock.database_now()).exists():
        deliver_due()


def a_while_ago() -> datetime:
    return clock.database_now() - timedelta(seconds=1)


def later(seconds: float) -> None:
    clock.shift(seconds)


def test_a_child_is_born_by_a_delivery_and_its_end_wakes_the_parent(engine_db: str) -> None:
    worker = a_worker()
    parent = a_parent(worker)
    child = child_id(parent, "ask")
    assert not Job.objects.filter(id=child).exists()
    deliver(child)
    row = Job.objects.get(id=child)
    assert (str(row.parent_job), row.parent_node, row.tenant) == (
        parent,
        "ask",
        Job.objects.get(id=parent).tenant,
    )
    plan(child, one_tool(), worker)
    store.commit(child, told(claim(child, worker), {"x": 9}))
    assert status_of(parent) == "parked"
    deliver(parent)
    assert status_of(parent) == "completed"
    assert store.load(parent).output == {"x": 9}
    check(parent)
    check(child)


def test_the_birth_of_a_child_delivered_twice_gives_one_child(engine_db: str) -> None:
    parent = a_parent(a_worker())
    child = child_id(parent, "ask")
    row = Delivery.objects.get(job_id=child)
    deliver(child)
    row.save(force_insert=True)
    deliver(child)
    assert kinds_of(child) == ["job_created"]
    assert not Delivery.objects.filter(job_id=child).exists()
    check(child)


@pytest.mark.parametrize(
    ("agent", "goal", "code"), [("helper", {"n": "one"}, "bad_goal"), ("hlper", {"n": 1}, "unknown_agent")]
)
def test_a_child_that_cannot_be_born_is_reported_to_its_parent_as_failed(
    engine_db: str, agent: str, goal: object, code: str
) -> None:
    parent = a_parent(a_worker(), goal, agent)
    deliver(child_id(parent, "ask"))
    assert status_of(parent) == "failed"
    error = store.load(parent).failure
    assert error is not None
    assert error["error"]["cause"]["code"] == code
    check(parent)


def test_a_parent_that_is_cancelled_cancels_its_child(engine_db: str) -> None:
    parent = a_parent(a_worker())
    child = child_id(parent, "ask")
    deliver(child)
    store.commit(parent, Cancel(person(), "not needed"))
    assert status_of(parent) == "cancelled"
    deliver(child)
    assert status_of(child) == "cancelled"
    deliver(parent)
    check(parent)
    check(child)


def test_a_cancel_that_comes_before_the_child_is_born_waits_for_its_birth(engine_db: str) -> None:
    parent = a_parent(a_worker())
    child = child_id(parent, "ask")
    Delivery.objects.filter(job_id=child).update(wake_at=clock.now() + timedelta(hours=1))
    store.commit(parent, Cancel(person()))
    for _ in range(PATIENCE + 3):
        deliver(child)
        later(61)
    assert Delivery.objects.filter(job_id=child, command="cancel").exists(), "kept while a birth is under way"
    later(3600)
    deliver(child)
    later(61)
    deliver(child)
    assert status_of(child) == "cancelled"


def test_a_delivery_to_a_job_that_never_comes_to_exist_is_dropped_in_the_end(engine_db: str) -> None:
    parent = a_parent(a_worker())
    child = child_id(parent, "ask")
    Delivery.objects.filter(job_id=child).update(command="resume", body='{"actor":{"id":"u"},"reason":""}')
    for _ in range(PATIENCE + 1):
        deliver(child)
        later(61)
    assert not Delivery.objects.filter(job_id=child).exists()


def test_an_end_that_is_told_twice_is_heard_once(engine_db: str) -> None:
    worker = a_worker()
    parent = a_parent(worker)
    child = child_id(parent, "ask")
    deliver(child)
    store.commit(child, Cancel(person()))
    row = Delivery.objects.get(job_id=parent)
    deliver(parent)
    row.save(force_insert=True)
    deliver(parent)
    assert kinds_of(parent).count("child_finished") == 1
    assert not Delivery.objects.filter(job_id=parent).exists()
    check(parent)


def test_a_delivery_that_two_processes_hold_is_carried_out_once_even_if_its_command_could_run_twice(
    engine_db: str,
) -> None:
    """A pause read by two processes, carried out by one, lifted by a person: the second must not pause again."""
    job = a_planned_job(one_tool(), a_worker())
    actor = {"id": "u", "name": "u"}
    row = Delivery.objects.create(
        id=child_id(job, "x"), job_id=job, command="pause", body=canonical({"actor": actor, "reason": ""}),
        created_at=clock.now(),
    )  # fmt: skip
    store.commit(job, Pause(person()), delivery=str(row.id))
    store.commit(job, Resume(person()))
    store.commit(job, Pause(person()), delivery=str(row.id))
    assert status_of(job) == "running"
    assert kinds_of(job).count("job_paused") == 1


def test_two_processes_that_deliver_at_once_do_no_harm(engine_db: str) -> None:
    worker = a_worker()
    parents = [a_parent(worker) for _ in range(4)]
    for work in [Aside(deliver_due), Aside(deliver_due)]:
        work.result()
    for parent in parents:
        deliver(child_id(parent, "ask"))
        assert kinds_of(child_id(parent, "ask")) == ["job_created"]
        check(parent)


def test_a_delivery_that_the_job_refuses_is_done_with(engine_db: str) -> None:
    job = a_job()
    Delivery.objects.create(
        id=child_id(job, "y"), job_id=job, command="resume", wake_at=a_while_ago(), created_at=clock.now(),
        body=canonical({"actor": {"id": "u"}, "reason": ""}),
    )  # fmt: skip
    deliver(job)
    assert not Delivery.objects.filter(job_id=job).exists()
    assert kinds_of(job) == ["job_created"]


def test_a_delivery_that_raises_is_kept_and_tried_again_later(engine_db: str) -> None:
    job = a_job()
    row = Delivery.objects.create(
        id=child_id(job, "z"),
        job_id=job,
        command="resume",
        body="{}",
        wake_at=a_while_ago(),
        created_at=clock.now(),
    )
    deliver_due()
    row.refresh_from_db()
    assert row.attempts == 1
    assert row.wake_at is not None
    assert row.wake_at > clock.database_now()
    row.delete()


def test_what_a_commit_owes_is_knocked_for_after_it(
    engine_db: str, knocked: list[tuple[str, tuple[str, ...], str]]
) -> None:
    worker = a_worker()
    a_planned_job(chain_of("one", "two"), worker)
    assert "aetheris.deliver" not in [task for task, _, _ in knocked]
    parent = a_parent(worker)
    assert [task for task, _, _ in knocked].count("aetheris.deliver") == 1
    assert Step.objects.get(job_id=parent).state == "parked"
