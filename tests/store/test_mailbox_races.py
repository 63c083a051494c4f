"""A message comes while the job before it ends: whoever is first at the instance's row, the message has its turn once."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection

from jobs import clock, create_agent, message_agent, store
from jobs.core.commands import Cancel
from jobs.core.graph import TaskGraph
from jobs.models import AgentInstance, Definition, Delivery, Job
from jobs.services import deliver_due
from tests.factories import a_worker, person, plan
from tests.store.audit import check
from tests.store.rivals import Aside, aside, before_statement
from tests.store.test_lock_order import deadlocks, somebody_waits, until

__all__ = ["deadlocks"]  # fixture


@pytest.fixture(autouse=True)
def _row_locks(engine_db: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time and no row locks")


def at_work() -> tuple[str, str]:
    """An instance, and the job whose turn it is."""
    name = f"a{uuid4().hex[:8]}"
    Definition.objects.create(kind="agent", name=name, version="1", seen_at=clock.now())
    instance = str(create_agent(name, actor=person()))
    job = said(instance)
    graph = TaskGraph()
    graph.wait("go", signal="go")
    plan(job, graph, a_worker())
    return instance, job


def said(instance: str) -> str:
    return str(message_agent(instance, {}, actor=person()))


def end(job: str) -> None:
    store.commit(job, Cancel(person()))


def has_its_turn(instance: str, job: str) -> None:
    while Delivery.objects.filter(job_id=job).exists():
        deliver_due()
    row = AgentInstance.objects.get(id=instance)
    assert (str(row.current), row.turn) == (job, 2)
    assert Job.objects.get(id=job).turn == 2
    check(job)


def test_a_job_that_ends_while_a_message_is_being_taken_calls_it_up(
    engine_db: str, deadlocks: list[str]
) -> None:
    instance, job = at_work()
    other: list[Aside] = []

    def meet() -> None:
        other.append(Aside(lambda: end(job)))
        until(lambda: aside(somebody_waits))

    with before_statement('INSERT INTO "aetheris_jobs_job"', meet):
        message = said(instance)  # it holds the row, and sees the other still at work
    other[0].result()
    assert deadlocks == []
    has_its_turn(instance, message)


def test_a_message_that_comes_while_the_job_before_it_ends_has_its_turn_at_birth(
    engine_db: str, deadlocks: list[str]
) -> None:
    instance, job = at_work()
    other: list[Aside] = []

    def meet() -> None:
        other.append(Aside(lambda: said(instance)))
        until(lambda: aside(somebody_waits))

    with before_statement('UPDATE "aetheris_jobs_agent"', meet):
        end(job)
    message = other[0].result()
    assert deadlocks == []
    assert store.load(message).nodes["_plan"].status == "ready"
    has_its_turn(instance, message)


def test_two_messages_at_once_are_taken_one_after_the_other(engine_db: str, deadlocks: list[str]) -> None:
    instance, job = at_work()
    other: list[Aside] = []

    def meet() -> None:
        other.append(Aside(lambda: said(instance)))
        until(lambda: aside(somebody_waits))

    with before_statement('INSERT INTO "aetheris_jobs_job"', meet):
        first = said(instance)
    second = other[0].result()
    assert deadlocks == []
    assert Job.objects.get(id=first).created_at < Job.objects.get(id=second).created_at
    end(job)
    has_its_turn(instance, first)
