"""The API is killed right after its 2xx: what it has accepted is not lost; what it did not answer can be sent again."""

from __future__ import annotations

import http.client
import json
import re
from typing import Any

import pytest

from tests.fatal.processes import Running
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal
PAY = {"agent": "fatal-graph", "goal": {"tool": "fatal.pay"}}


@pytest.fixture
def token(stage: Stage) -> str:
    """Of somebody who may submit and signal."""
    from jobs import tokens
    from tests.faces.admin_stage import operator

    return tokens.create(operator(), tenant="default").text


def api(stage: Stage, *, crash: str = "") -> Running:
    made = stage.start("uvicorn", ["aetheris_site.asgi:application", "--port", "0"], AETHERIS_CRASH=crash)
    stage.until(lambda: "Uvicorn running" in made.said or not made.alive, "the API", ticking=False)
    return made


def post(server: Running, path: str, body: Any, token: str, **headers: str) -> tuple[int, Any]:
    """Send, and read the whole answer."""
    found = re.search(r"running on http://(\S+)", server.said)
    assert found is not None, server.said
    line = http.client.HTTPConnection(found[1], timeout=30)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
        line.request("POST", f"/api/{path}", json.dumps(body), headers)
        answer = line.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    finally:
        line.close()


def test_a_job_that_was_accepted_is_done_although_the_api_died(stage: Stage, token: str) -> None:
    server = api(stage)
    status, job = post(server, "jobs", PAY, token)
    server.kill()
    assert status == 202, job
    stage.worker()
    stage.until_status(job["id"], "completed", "failed")
    assert stage.counts(job["id"]) == [1]


def test_a_signal_that_was_accepted_is_heard_although_the_api_died(stage: Stage, token: str) -> None:
    server = api(stage)
    job = stage.submit("wait", "fatal.pay")
    stage.worker()
    stage.until_status(job, "parked")
    status, told = post(server, f"jobs/{job}/signals", {"name": "go"}, token)
    server.kill()
    assert status == 202, told
    stage.until_status(job, "completed", "failed")
    assert stage.counts(job) == [1]


def test_a_request_that_was_not_answered_is_sent_again_and_is_one_job(stage: Stage, token: str) -> None:
    key = {"Idempotency-Key": "once"}
    with pytest.raises((http.client.HTTPException, OSError)):
        post(api(stage, crash="after_birth_before_knock:1"), "jobs", PAY, token, **key)
    status, job = post(api(stage), "jobs", PAY, token, **key)
    assert status == 202, job
    stage.worker()
    stage.until_status(job["id"], "completed", "failed")
    assert stage.how_many_jobs() == 1
    assert stage.counts(job["id"]) == [1]
