"""The line to Postgres breaks at a commit: before it, after it, or while it is under way (Law L3).

Each test loses exactly one commit of a real process, in each direction, and looks for exactly one effect. The form
inside one process: `tests/store/test_lost_answers.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import signal as send_signal
from tests.factories import person
from tests.fatal.lossy import Fate, LossyPostgres
from tests.fatal.processes import Running
from tests.fatal.stage import Stage
from tests.fatal.web import PAY, api, get, post
from tests.servers import TEST_DATABASE_URL

pytestmark = [
    pytest.mark.fatal,
    pytest.mark.skipif(TEST_DATABASE_URL not in os.environ, reason="a SQLite file is reached without a line"),
]
FATES: tuple[Fate, ...] = ("gone", "written", "under_way", "late")
TTL = 2


@pytest.fixture
def line(fresh_database: str) -> Iterator[LossyPostgres]:
    """The line on which the processes of this test reach their database; the test itself has another."""
    with LossyPostgres(fresh_database) as made:
        yield made


def over(line: LossyPostgres) -> dict[str, Any]:
    return {"AETHERIS_DATABASE_URL": line.url}


def completed_once(stage: Stage, job: str) -> None:
    """The job has ended well, and nothing of it was done or written twice."""
    stage.until_status(job, "completed", "failed", "cancelled")
    assert stage.status(job) == "completed", stage.story()
    assert set(stage.counts(job)) == {1}
    assert "outcome_unknown" not in stage.kinds(job)
    assert stage.kinds(job).count("node_finished") == len({e["node"] for e in stage.events(job)
                                                           if e["type"] == "node_finished"})  # fmt: skip


@pytest.mark.parametrize(
    ("mark", "form"),
    [
        pytest.param("node_started", "graph", id="claim"),
        pytest.param("plan_generated", "graph", id="plan"),
        pytest.param("tool_invocation_started", "def", id="promise"),
        pytest.param("tool_invocation_finished", "graph", id="outcome"),
        pytest.param("tool_invocation_finished", "async", id="outcome-async"),
        pytest.param("job_completed", "async", id="end"),
        pytest.param('DELETE FROM "aetheris_jobs_delivery"', "child", id="delivery"),
        pytest.param('UPDATE "aetheris_jobs_tick"', "graph", id="tick"),
        pytest.param('SET "alive_until"', "graph", id="heartbeat"),
    ],
)
def test_a_worker_that_loses_the_answer_of_a_commit_does_everything_once(
    stage: Stage, line: LossyPostgres, mark: str, form: str
) -> None:
    worker = stage.worker(ttl=TTL, **over(line))
    for fate in FATES:
        loss = line.lose(mark, fate)
        job = stage.submit(form, "fatal.pay")
        stage.until(loss.met.is_set, f"a commit with {mark}")
        completed_once(stage, job)
    assert worker.alive
    assert len(stage.workers()) == 1, "nobody was declared dead"


@pytest.mark.parametrize("fate", FATES)
def test_a_worker_that_loses_the_answer_of_its_registration_works(
    stage: Stage, line: LossyPostgres, fate: Fate
) -> None:
    loss = line.lose('INSERT INTO "aetheris_jobs_worker"', fate)
    stage.worker(ttl=TTL, **over(line))
    assert loss.met.is_set()
    completed_once(stage, stage.submit("graph", "fatal.pay"))


@pytest.mark.parametrize("fate", FATES)
def test_a_takeover_whose_answer_is_lost_happens_once(stage: Stage, line: LossyPostgres, fate: Fate) -> None:
    first = stage.worker(crash="after_promise:1", slots=1)
    job = stage.submit("graph", "fatal.pay_keyed")
    stage.until_dead(first)
    loss = line.lose("lease_lost", fate)
    stage.worker(ttl=TTL, **over(line))
    stage.until(loss.met.is_set, "the takeover")
    stage.until_status(job, "completed", "failed")
    assert stage.counts(job) == [1]
    assert stage.kinds(job).count("lease_lost") == 1


@pytest.mark.parametrize("held", [False, True], ids=["alone", "against-a-rival"])
@pytest.mark.parametrize("fate", FATES)
def test_an_outcome_whose_answer_is_lost_is_written_once_whoever_else_commits_meanwhile(
    stage: Stage, line: LossyPostgres, fate: Fate, held: bool
) -> None:
    """The rival takes the number after ours, or ours if our commit is gone; under way, it waits for our row lock."""
    stage.worker(ttl=10, **over(line))
    job = stage.submit("def", "fatal.pay")
    loss = line.lose("tool_invocation_finished", fate, held=held)
    stage.until(loss.met.is_set, "the outcome")
    if held:
        send_signal(job, "word", 1, actor=person(), id="rival")
        loss.release()
    completed_once(stage, job)
    assert stage.kinds(job).count("signal_received") == held
    assert stage.kinds(job).count("tool_invocation_finished") == 2  # the payment and its receipt


def accepted(stage: Stage, server: Running, path: str, body: Any, token: str, **headers: str) -> Any:
    """Send until it is accepted, as a client does; an answer of 2xx means that it is there."""
    for _ in range(5):
        status, told = post(server, path, body, token, **headers)
        if status < 300:
            return told
        assert (status, told["code"]) == (503, "database_unavailable"), told
    raise AssertionError(f"never accepted: {told}\n{stage.story()}")


@pytest.mark.parametrize("fate", FATES)
def test_a_request_whose_commit_loses_its_answer_is_one_job(
    stage: Stage, line: LossyPostgres, token: str, fate: Fate
) -> None:
    stage.worker()
    server = api(stage, **over(line))
    loss = line.lose("job_created", fate)
    key = {"Idempotency-Key": f"once-{fate}"}
    job = accepted(stage, server, "jobs", PAY, token, **key)
    assert loss.met.is_set()
    assert accepted(stage, server, "jobs", PAY, token, **key)["id"] == job["id"]
    assert stage.how_many_jobs() == 1
    completed_once(stage, job["id"])


@pytest.mark.parametrize("fate", FATES)
def test_a_signal_a_vote_and_a_cancel_whose_commits_lose_their_answers_count_once(
    stage: Stage, line: LossyPostgres, token: str, fate: Fate
) -> None:
    stage.worker()
    server = api(stage, **over(line))
    waiting, asking, dropped = (stage.submit(form, "fatal.pay") for form in ("wait", "ask", "wait"))
    for job in (waiting, asking, dropped):
        stage.until_status(job, "parked")
    _, open_ones, _ = get(server, "/api/approvals?state=open", token)
    [vote] = open_ones["results"]
    ballot = {"decision": "approve", "digest": vote["digest"]}
    verbs = [
        ("signal_received", f"jobs/{waiting}/signals", {"name": "go", "id": "mine"}),
        ("approval_decided", f"approvals/{vote['id']}/decide", ballot),
        ("job_cancel", f"jobs/{dropped}/cancel", {}),
    ]
    for mark, path, body in verbs:
        loss = line.lose(mark, fate)
        accepted(stage, server, path, body, token)
        assert loss.met.is_set(), mark
    for job in (waiting, asking):
        completed_once(stage, job)
    stage.until_status(dropped, "cancelled")
    assert [stage.kinds(job).count(mark) for job, mark in (
        (waiting, "signal_received"), (asking, "approval_decided"), (dropped, "job_cancelled"))] == [1, 1, 1]  # fmt: skip
