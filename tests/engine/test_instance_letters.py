"""Agents send messages to agents: each once, with its sender, whatever happens to the step that sends it."""

from __future__ import annotations

import pytest

from jobs import (
    clock,
    create_agent,
    delete_agent,
    message_agent,
    runner,
    signal,
)
from jobs.testing import run_until_parked
from tests.engine.conversing import ANN, a_desk, all_of, run, shown, sound, state
from tests.engine.driving import a_word, error_of, folded, kinds

pytestmark = pytest.mark.usefixtures("here")


def test_an_agent_sends_a_message_to_another_once_and_it_says_who_sent_it(engine_db: str) -> None:
    desk, postman = a_desk(), str(create_agent("forward", actor=ANN))
    job = str(message_agent(postman, {"to": desk, "word": "hello"}, actor=ANN))
    sent = run_until_parked(job).output["job"]
    assert run_until_parked(sent).output == ["hello"]
    came = folded(sent).message
    assert came is not None
    assert came.sender == {"job": job, "node": "main/0"}
    assert folded(sent).requester == folded(job).requester
    assert state(postman) == {"sent": 1}
    assert kinds(job).count("command_emitted") == 1
    sound(desk)
    sound(postman)


def test_a_step_that_is_run_again_sends_nothing_twice(engine_db: str) -> None:
    desk, word = a_desk(), a_word()
    job = str(
        message_agent(
            str(create_agent("forward", actor=ANN)), {"to": desk, "word": word, "asks": "go"}, actor=ANN
        )
    )
    run(job)
    signal(job, "go", actor=ANN)  # the function runs from its beginning
    assert run_until_parked(job).status == "completed"
    assert [str(each.id) for each in all_of(desk)] == [folded(job).output["job"]]
    sound(desk)


def test_a_message_that_a_job_sends_may_be_delayed(engine_db: str) -> None:
    desk = a_desk()
    job = str(
        message_agent(
            str(create_agent("forward", actor=ANN)), {"to": desk, "word": "x", "not_before": "1h"}, actor=ANN
        )
    )
    sent = run_until_parked(job).output["job"]
    assert run_until_parked(sent).status == "parked"
    clock.shift(3601)
    assert run_until_parked(sent).output == ["x"]
    sound(desk)


def test_a_message_to_nobody_fails_in_the_workflow_and_is_on_record(engine_db: str) -> None:
    postman = str(create_agent("forward", actor=ANN))
    job = str(message_agent(postman, {"to": "nobody-there", "word": "x"}, actor=ANN))
    error = error_of(run_until_parked(job))
    assert (error["code"], error["path"]) == ("not_found", "main/0")
    sound(postman)


def test_a_message_that_is_on_its_way_when_its_receiver_is_deleted_ends_as_cancelled(engine_db: str) -> None:
    desk, postman = a_desk(), str(create_agent("forward", actor=ANN))
    job = str(message_agent(postman, {"to": desk, "word": "x", "asks": "go"}, actor=ANN))
    for step in ("_plan", "main"):
        runner.drive(job, step)
    delete_agent(desk, actor=ANN)
    run(job)
    (sent,) = (str(each.id) for each in all_of(desk))
    assert run_until_parked(sent).status == "cancelled"
    sound(desk)


def test_an_agent_may_send_to_itself_and_the_message_waits_for_its_own_turn(engine_db: str) -> None:
    name = a_word()
    mine = str(create_agent("forward", name=name, actor=ANN))
    job = str(message_agent(mine, {"to": name, "word": "echo"}, actor=ANN))
    run(job)
    assert shown(mine)["current_job"] != job
    (echo,) = [str(each.id) for each in all_of(mine) if str(each.id) != job]
    assert folded(echo).message is not None
    run(echo)
    assert folded(echo).status == "failed"  # it names no receiver
    sound(mine)
