"""The database goes away under a knock, a sweep, a delivery: one line says so, nobody sees a traceback, all goes on."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import OperationalError

from jobs import TaskGraph, admission, clock, knocks, runner, scheduler, store, submit, tasks
from jobs.models import Event
from jobs.senders import senders
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import send
from tests.engine.driving import a_word, kinds, started
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
AWAY = OperationalError(
    "server closed the connection unexpectedly\n\tThis probably means the server terminated"
)


def sleeping() -> str:
    graph = TaskGraph()
    graph.sleep("rest", 10)
    job = started(graph)
    run_until_parked(job)
    return job


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert all(record.exc_info is None for record in caplog.records)
    return [record.getMessage() for record in caplog.records if record.name.startswith("aetheris")]


@pytest.mark.parametrize("task", ["step", "deliver", "tick"])
def test_a_knock_in_an_outage_comes_to_nothing_in_one_line(
    task: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise AWAY

    for place, name in ((runner, "drive"), (tasks, "deliver_due"), (scheduler, "tick")):
        monkeypatch.setattr(place, name, away)
    with caplog.at_level(logging.WARNING):
        getattr(tasks, task)(*(("job", "node") if task == "step" else ()))
    lines = told(caplog)
    assert len(lines) == 1
    assert lines[0].endswith("came to nothing: server closed the connection unexpectedly")


def test_a_sweep_goes_on_with_the_next_step_when_one_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sleeping(), sleeping()
    usual = store.commit

    def commit(job: Any, *wishes: Any, **more: Any) -> Any:
        if str(job) == first:
            raise AWAY
        return usual(job, *wishes, **more)

    clock.shift(11)
    monkeypatch.setattr(store, "commit", commit)
    with caplog.at_level(logging.WARNING):
        scheduler.fire_due(clock.database_now())
    assert (kinds(first)[-1], kinds(second)[-1]) == ("job_parked", "job_completed")
    assert len(told(caplog)) == 1


def test_a_sweep_whose_database_is_away_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [sleeping(), sleeping()]
    asked: list[str] = []

    def commit(job: Any, *wishes: Any, **more: Any) -> Any:
        asked.append(str(job))
        monkeypatch.setattr(clock, "database_now", away)
        raise AWAY

    def away() -> Any:
        raise AWAY

    clock.shift(11)
    now = clock.database_now()
    monkeypatch.setattr(store, "commit", commit)
    with pytest.raises(OperationalError):
        scheduler.fire_due(now)
    assert len(asked) == 1
    assert not Event.objects.filter(job_id__in=jobs, type="timer_fired").exists()


def test_a_claim_that_was_just_written_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    word = a_word()
    graph = TaskGraph()
    graph.output(graph.tool("call", send, word=word))
    job = started(graph)
    runner.drive(job, "_plan")
    monkeypatch.setattr(admission, "more_urgent", lambda *_: [])  # what other tests have left is not ours
    usual = store.load

    def load(job: Any) -> Any:
        monkeypatch.setattr(store, "load", away)
        return usual(job)

    def away(job: Any) -> Any:
        raise AWAY

    monkeypatch.setattr(store, "load", load)
    runner.drive(job, "call")
    monkeypatch.setattr(store, "load", usual)
    assert world.times(word) == 1
    assert "outcome_unknown" not in kinds(job)
    assert kinds(job)[-1] == "job_completed"


def test_what_was_committed_stands_though_the_broker_refuses_its_knock(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server may refuse for its own reasons, e.g. a queue that it has under another type."""

    def refused(work: Any) -> None:
        raise ValueError("PRECONDITION_FAILED")

    monkeypatch.setattr(knocks, "_silent", 0)
    monkeypatch.setattr(senders, "hand_over", refused)
    with caplog.at_level(logging.WARNING):
        job = submit("drawn", {"graph": TaskGraph().to_json()}, actor=person())
    assert kinds(str(job)) == ["job_created"]
    assert told(caplog) == [
        f"no knock for aetheris.step ('{job}', '_plan'): the broker did not take it (PRECONDITION_FAILED); "
        "the sweep will knock"
    ]
