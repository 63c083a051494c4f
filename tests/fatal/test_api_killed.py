"""The API is killed right after its 2xx: what it has accepted is not lost; what it did not answer can be sent again."""

from __future__ import annotations

import pytest

from jobs import create_agent
from tests.fatal.stage import Stage
from tests.fatal.web import BROKEN, api, post

pytestmark = pytest.mark.fatal


def a_desk() -> str:
    return str(create_agent("fatal-desk"))


def test_a_message_that_was_accepted_is_done_although_the_api_died(stage: Stage, token: str) -> None:
    desk, server = a_desk(), api(stage)
    body = {"message": {"tool": "fatal.pay", "word": "one"}}
    status, told = post(server, f"agents/{desk}/message", body, token)
    server.kill()
    assert status == 202, told
    stage.worker()
    stage.until_status(told["job_id"], "completed", "failed")
    assert stage.counts(told["job_id"]) == [1]


@pytest.mark.parametrize("at", ["before_commit:1", "after_birth_before_knock:1", "before_answer:1"])
def test_a_message_that_was_not_answered_is_sent_again_and_is_one_job(
    stage: Stage, token: str, at: str
) -> None:
    desk, body = a_desk(), {"message": {"tool": "fatal.pay", "word": "one"}, "id": "once"}
    with pytest.raises(BROKEN):
        post(api(stage, crash=at), f"agents/{desk}/message", body, token)
    status, told = post(api(stage), f"agents/{desk}/message", body, token)
    assert status == 202, told
    stage.worker()
    stage.until_status(told["job_id"], "completed", "failed")
    assert stage.how_many_jobs() == 1
    assert stage.counts(told["job_id"]) == [1]
