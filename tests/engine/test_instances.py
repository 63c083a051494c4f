"""Agent instances: state from one message to the next, one job at a time, every message one job, in order."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from forensics.services import replay_job, verify_job
from jobs import (
    cancel,
    create_agent,
    message_agent,
    retry,
    signal,
)
from jobs.core.errors import Illegal, KeyReused
from jobs.models import Job
from jobs.testing import run_until_parked
from tests.engine.conversing import ANN, a_desk, all_of, run, said, shown, sound, state
from tests.engine.driving import beside, error_of, folded, kinds

pytestmark = pytest.mark.usefixtures("here")


def test_a_state_is_carried_over_three_messages(engine_db: str) -> None:
    desk = a_desk(state={"heard": ["before"]})
    outputs = [run_until_parked(said(desk, word)).output for word in ("one", "two", "three")]
    assert outputs == [["before", "one"], ["before", "one", "two"], ["before", "one", "two", "three"]]
    assert state(desk) == {"heard": ["before", "one", "two", "three"]}
    assert shown(desk)["status"] == "idle"
    sound(desk)


def test_messages_that_come_while_one_is_at_work_wait_and_say_for_what(engine_db: str) -> None:
    desk = a_desk()
    first, second, third = said(desk, "one", asks="go"), said(desk, "two"), said(desk, "three")
    run(first)
    assert folded(first).status == "parked"
    assert shown(desk) | {"status": "parked", "queue": 2, "current_job": first} == shown(desk)
    assert [folded(job).status for job in (second, third)] == ["parked", "parked"]
    waits = Job.objects.get(id=second).parked_on
    assert f'"kind":"agent","name":"{desk}","node":"_plan"' in waits
    signal(first, "go", actor=ANN)
    run(first, second, third)
    assert [folded(job).output for job in (first, second, third)] == [
        ["one"],
        ["one", "two"],
        ["one", "two", "three"],
    ]
    assert [job.turn for job in all_of(desk)] == [1, 2, 3]
    assert kinds(second)[:4] == ["job_created", "job_parked", "wait_completed", "node_started"]
    sound(desk)


def test_a_job_that_fails_or_is_cancelled_lets_the_next_run_and_leaves_the_state_as_it_was(
    engine_db: str,
) -> None:
    desk = a_desk()
    jobs = [
        said(desk, "kept"),
        said(desk, "broken", fails=True),
        said(desk, "asks", asks="go"),
        said(desk, "last"),
    ]
    run(*jobs[:3])
    assert error_of(folded(jobs[1]))["message"].endswith("broken")
    assert shown(desk)["status"] == "parked"
    cancel(jobs[2], actor=ANN)
    run(*jobs)
    assert folded(jobs[3]).output == ["kept", "last"]
    assert [folded(job).status for job in jobs] == ["completed", "failed", "cancelled", "completed"]
    sound(desk)


def test_an_instance_whose_last_job_failed_says_so_until_the_next_one(engine_db: str) -> None:
    desk = a_desk()
    run(said(desk, "broken", fails=True))
    assert shown(desk)["status"] == "failed"
    run(said(desk, "better"))
    assert shown(desk)["status"] == "idle"


def test_a_message_that_is_cancelled_while_it_waits_leaves_the_line(engine_db: str) -> None:
    desk = a_desk()
    first, second, third = said(desk, "one", asks="go"), said(desk, "two"), said(desk, "three")
    run(first)
    cancel(second, actor=ANN)
    assert folded(second).status == "cancelled"
    assert shown(desk)["queue"] == 1
    signal(first, "go", actor=ANN)
    run(first, third)
    assert folded(third).output == ["one", "three"]
    assert Job.objects.get(id=second).turn is None
    sound(desk)


def test_a_message_that_is_cancelled_after_it_was_called_up_passes_its_turn_on(engine_db: str) -> None:
    desk = a_desk()
    first, second, third = said(desk, "one", asks="go"), said(desk, "two"), said(desk, "three")
    run(first)
    cancel(first, actor=ANN)  # the delivery that calls the second up is not carried out yet
    assert shown(desk)["current_job"] == second
    assert shown(desk)["status"] == "waiting"
    for job in (first, second, third):
        assert verify_job(job)["ok"]
    cancel(second, actor=ANN)
    run(third)
    assert folded(third).output == ["three"]
    sound(desk)


def test_twenty_messages_at_once_are_twenty_jobs_one_at_a_time_in_their_order(engine_db: str) -> None:
    desk, words = a_desk(), [f"w{number}" for number in range(20)]
    threads = [
        beside(lambda word=word: said(desk, word, id=word)) for word in words for _ in (1, 2)
    ]  # each is sent twice
    for thread in threads:
        thread.join()
    jobs = all_of(desk)
    assert len(jobs) == 20
    for _ in range(20):
        run(*(str(job.id) for job in jobs))
    jobs = all_of(desk)
    assert [job.turn for job in jobs] == list(range(1, 21))
    assert {job.status for job in jobs} == {"completed"}
    in_order = [folded(str(job.id)).goal["word"] for job in jobs]
    assert state(desk) == {"heard": in_order}
    assert sorted(in_order) == sorted(words)
    for before, after in zip(jobs, jobs[1:], strict=False):
        began = folded(str(after.id))
        assert began.message is not None
        assert began.message.after == str(before.id)
    sound(desk)


def test_the_same_id_is_the_same_job_and_with_another_body_it_is_refused(engine_db: str) -> None:
    desk = a_desk()
    job = said(desk, "one", id="m-1")
    assert said(desk, "one", id="m-1") == job
    run(job)
    assert said(desk, "one", id="m-1") == job
    with pytest.raises(KeyReused, match=job):
        said(desk, "two", id="m-1")
    with pytest.raises(KeyReused, match=job):
        said(desk, "one", id="m-1", not_before="1h")
    other = a_desk()
    assert said(other, "one", id="m-1") != job  # ids are the sender's own, for each instance
    assert len(all_of(desk)) == 1
    sound(desk)


def test_a_graphs_planner_reads_the_state_and_its_workflow_node_writes_it(engine_db: str) -> None:
    tally = str(create_agent("tally", actor=ANN))
    totals = [run_until_parked(message_agent(tally, {"n": n}, actor=ANN)).output for n in (2, 3, 4)]
    assert totals == [2, 5, 9]
    sound(tally)


def test_the_database_itself_refuses_two_jobs_at_a_time(engine_db: str) -> None:
    desk = a_desk()
    first, second = said(desk, "one", asks="go"), said(desk, "two")
    run(first)
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(id=second).update(turn=2)
    assert connection.is_usable()


def test_a_retry_of_a_message_goes_on_beside_the_mailbox_with_the_state_that_it_began_with(
    engine_db: str,
) -> None:
    desk = a_desk()
    run(said(desk, "one"))
    broken = said(desk, "broken", fails=True)
    run(broken, said(desk, "two"))
    again = str(retry(broken, actor=ANN))
    assert run_until_parked(again).status == "failed"  # the message still says so
    began = folded(again)
    assert (began.message, dict(began.data.items())) == (None, {"heard": ["one"]})
    assert Job.objects.get(id=again).instance is None
    assert state(desk) == {"heard": ["one", "two"]}
    for job in (again, broken):
        assert verify_job(job)["ok"], verify_job(job)["problem"]
        assert replay_job(job)["ok"], replay_job(job)["problem"]
    sound(desk)


def test_a_message_that_never_had_its_turn_is_not_retried(engine_db: str) -> None:
    desk = a_desk()
    run(said(desk, "one", asks="go"))
    waiting = said(desk, "two")
    cancel(waiting, actor=ANN)
    with pytest.raises(Illegal, match="send the message again"):
        retry(waiting, actor=ANN)
    sound(desk)
