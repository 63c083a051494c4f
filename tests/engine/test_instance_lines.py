"""The line before an agent instance: delayed messages, pauses, the end of an instance, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from jobs import (
    cancel,
    clock,
    create_agent,
    delete_agent,
    message_agent,
    pause,
    pause_agent,
    resume,
    resume_agent,
    signal,
)
from jobs.core.errors import Illegal, Invalid, NotAllowed, NotFound
from jobs.models import Job
from jobs.queries.instances import instance_for
from jobs.services import deliver_due
from jobs.testing import run_until_parked
from tests.engine.conversing import ANN, a_desk, all_of, row, run, said, shown, sound, state
from tests.engine.driving import a_word, folded
from tests.factories import a_tenant, person

pytestmark = pytest.mark.usefixtures("here")


def test_a_delayed_message_is_taken_at_its_time_and_not_before(engine_db: str) -> None:
    desk = a_desk()
    later = said(desk, "later", not_before="1h")
    run(later)
    assert folded(later).status == "parked"
    assert shown(desk) | {"status": "waiting", "queue": 1} == shown(desk)
    assert '"deadline"' in Job.objects.get(id=later).parked_on
    assert run_until_parked(said(desk, "now")).output == ["now"]
    clock.shift(3590)
    run(later)
    assert folded(later).status == "parked"
    clock.shift(11)
    assert run_until_parked(later).output == ["now", "later"]
    sound(desk)


def test_delayed_messages_keep_the_order_of_their_times_among_the_others(engine_db: str) -> None:
    desk = a_desk()
    first = said(desk, "first", asks="go")
    jobs = [
        said(desk, "in three hours", not_before="3h"),
        said(desk, "in one", not_before="1h"),
        said(desk, "now"),
    ]
    run(first)
    clock.shift(2 * 3600)
    jobs.append(said(desk, "in between"))
    clock.shift(2 * 3600)
    signal(first, "go", actor=ANN)
    for _ in range(4):
        run(first, *jobs)
    assert state(desk)["heard"] == ["first", "now", "in one", "in between", "in three hours"]
    sound(desk)


def test_a_cancelled_delayed_message_never_runs_and_calls_nobody_up_twice(engine_db: str) -> None:
    desk = a_desk()
    later, other = said(desk, "later", not_before="1h"), said(desk, "other", not_before="1h")
    cancel(later, actor=ANN)
    clock.shift(3700)
    assert run_until_parked(other).output == ["other"]
    assert folded(later).status == "cancelled"
    sound(desk)


def test_a_paused_instance_takes_messages_and_begins_none_until_it_is_resumed(engine_db: str) -> None:
    desk = a_desk()
    pause_agent(desk, actor=ANN)
    first, second = said(desk, "one"), said(desk, "two")
    run(first, second)
    assert [folded(job).status for job in (first, second)] == ["parked", "parked"]
    assert shown(desk) | {"status": "paused", "queue": 2} == shown(desk)
    resume_agent(desk, actor=ANN)
    run(first, second)
    assert folded(second).output == ["one", "two"]
    resume_agent(desk, actor=ANN)
    assert shown(desk)["status"] == "idle"
    sound(desk)


def test_a_paused_job_keeps_its_turn(engine_db: str) -> None:
    desk = a_desk()
    first, second = said(desk, "one"), said(desk, "two")
    pause(first, actor=ANN)
    run(first, second)
    assert (shown(desk)["status"], folded(second).status) == ("paused", "parked")
    resume(first, actor=ANN)
    run(first, second)
    assert folded(second).output == ["one", "two"]
    sound(desk)


def test_a_deleted_instance_refuses_messages_cancels_those_that_wait_and_lets_the_one_at_work_end(
    engine_db: str,
) -> None:
    desk = a_desk(name=a_word())
    name = row(desk).name
    first, second = said(desk, "one", asks="go"), said(desk, "two")
    later = said(desk, "later", not_before="1h")
    run(first)
    delete_agent(desk, actor=ANN)
    run(first, second, later)
    assert [folded(job).status for job in (first, second, later)] == ["parked", "cancelled", "cancelled"]
    with pytest.raises(Illegal, match="deleted"):
        said(desk, "three")
    with pytest.raises(NotFound):
        instance_for("default", str(name))
    signal(first, "go", actor=ANN)
    assert run_until_parked(first).output == ["one"]
    assert shown(desk)["status"] == "deleted"
    delete_agent(desk, actor=ANN)
    assert create_agent("desk", name=name, actor=ANN) != UUID(desk)  # the name is free again
    sound(desk)


def test_what_does_not_fit_is_refused_before_anything_is_written(engine_db: str) -> None:
    desk = a_desk()
    refused: list[tuple[type[Exception], Any]] = [
        (Invalid, lambda: message_agent(desk, "no object", actor=ANN)),
        (Invalid, lambda: said(desk, "one", not_before="soon")),
        (Invalid, lambda: said(desk, "one", id="")),
        (NotFound, lambda: message_agent(uuid4(), {"word": "x"}, actor=ANN)),
        (NotFound, lambda: message_agent("nobody", {"word": "x"}, actor=ANN)),
        (NotFound, lambda: message_agent(desk, {"word": "x"}, actor=person(tenant=a_tenant()))),
        (NotFound, lambda: delete_agent(desk, actor=person(tenant=a_tenant()))),
        (Invalid, lambda: create_agent("dask", actor=ANN)),
        (Invalid, lambda: create_agent("desk", state=[1], actor=ANN)),
        (Invalid, lambda: create_agent("desk", name="two words", actor=ANN)),
        (Invalid, lambda: create_agent("desk", name=str(uuid4()), actor=ANN)),
    ]
    for error, work in refused:
        with pytest.raises(error):
            work()
    assert all_of(desk) == []


def test_a_name_belongs_to_one_living_instance_of_a_tenant(engine_db: str) -> None:
    name = a_word()
    desk = a_desk(name=name)
    with pytest.raises(Illegal, match=name):
        a_desk(name=name)
    a_desk(name=name, actor=person(tenant=a_tenant()))
    assert run_until_parked(said(name, "by name")).output == ["by name"]
    assert len(all_of(desk)) == 1


def test_whoever_may_not_submit_or_control_is_refused(engine_db: str) -> None:
    desk, nobody = a_desk(), replace(ANN, may=frozenset({"signal"}))
    refused: list[Any] = [
        lambda: create_agent("desk", actor=nobody),
        lambda: message_agent(desk, {"word": "x"}, actor=nobody),
        lambda: pause_agent(desk, actor=nobody),
        lambda: resume_agent(desk, actor=nobody),
        lambda: delete_agent(desk, actor=nobody),
    ]
    for work in refused:
        with pytest.raises(NotAllowed):
            work()


def test_inside_a_callers_transaction_a_message_comes_only_if_that_commits(engine_db: str) -> None:
    desk, given_up = a_desk(), ""
    with transaction.atomic():
        given_up = said(desk, "given up")
        transaction.set_rollback(True)
    with transaction.atomic():
        made = a_desk()
        job, twice = said(made, "one", id="a"), said(made, "one", id="a")
        pause_agent(made, actor=ANN)
        resume_agent(made, actor=ANN)
    deliver_due()
    assert job == twice
    assert run_until_parked(job).output == ["one"]
    assert not Job.objects.filter(id=given_up).exists()
    assert len(all_of(made)) == 1
    with transaction.atomic():
        delete_agent(made, actor=ANN)
    deliver_due()
    assert shown(made)["status"] == "deleted"
    sound(made)
