"""Signals, messages, pause, resume and cancel over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from jobs.models import Event
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def _events(job: str, kind: str) -> int:
    return Event.objects.filter(job_id=job, type=kind).count()


def test_a_signal_is_taken_once_however_often_it_is_sent() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"), stage.waiting("later"))
    letter = {"name": "go", "payload": {"n": 1e16}, "id": "letter-1"}
    first = caller.post(f"jobs/{job}/signals", letter)
    assert (first.status_code, first.json()) == (202, {"id": "letter-1", "job": job})
    with nothing_written():
        assert caller.post(f"jobs/{job}/signals", letter).status_code == 202
    assert _events(job, "signal_received") == 1


def test_a_signal_without_an_id_gets_one() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"), stage.waiting("later"))
    ids = {caller.post(f"jobs/{job}/signals", {"name": "go"}).json()["id"] for _ in range(2)}
    assert len(ids) == 2


def test_the_same_signal_is_accepted_after_the_end_and_a_new_one_is_not() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    letter = {"name": "go", "id": "letter-1"}
    caller.post(f"jobs/{job}/signals", letter)
    assert caller.get(f"jobs/{job}").json()["status"] == "completed"
    with nothing_written():
        assert caller.post(f"jobs/{job}/signals", letter).status_code == 202
        refused(caller.post(f"jobs/{job}/signals", {"name": "go", "id": "letter-2"}), 409, "job_ended")


def test_an_id_used_for_another_signal_is_refused() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"), stage.waiting("later"))
    caller.post(f"jobs/{job}/signals", {"name": "go", "id": "one"})
    with nothing_written():
        refused(
            caller.post(f"jobs/{job}/signals", {"name": "later", "id": "one"}), 422, "idempotency_key_reused"
        )


def test_a_signal_that_no_wait_has_is_refused() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written():
        problem = refused(caller.post(f"jobs/{job}/signals", {"name": "og"}), 422, "unknown_signal")
    assert "go" in problem["detail"]


@pytest.mark.parametrize(
    ("body", "place"),
    [({}, "name"), ({"name": 7}, "name"), ({"name": "go", "id": 7}, "id"), ({"name": "go", "x": 1}, "x")],
)
def test_a_malformed_signal_is_refused_by_name(body: dict[str, Any], place: str) -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written():
        assert named(refused(caller.post(f"jobs/{job}/signals", body), 422, "invalid")) == {place}


def test_a_payload_over_the_limit_is_refused() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written(), override_settings(AETHERIS={"MAX_PAYLOAD": 1000}):
        answer = caller.post(f"jobs/{job}/signals", {"name": "go", "payload": "x" * 1000})
        refused(answer, 413, "too_large")


def test_a_message_is_taken_once() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    for _ in range(2):
        sent = caller.post(f"jobs/{job}/messages", {"channel": "news", "payload": [1], "id": "m"})
        assert sent.status_code == 202
    assert _events(job, "message_received") == 1


def test_pause_resume_and_cancel_answer_with_the_job_as_it_is_then() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    for verb, status in (("pause", "paused"), ("resume", "parked"), ("cancel", "cancelled")):
        answer = caller.post(f"jobs/{job}/{verb}", {"reason": f"to {verb}"})
        assert (answer.status_code, answer.json()["status"]) == (202, status)
    reasons = Event.objects.filter(job_id=job, type__in=("job_paused", "job_resumed", "job_cancelled"))
    assert reasons.count() == 3


def test_a_verb_needs_no_body() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    assert caller.client.post(f"/api/jobs/{job}/pause").status_code in (202, 415)
    assert caller.post(f"jobs/{job}/cancel").status_code == 202


def test_what_the_state_does_not_allow_is_a_conflict() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    with nothing_written():
        assert caller.post(f"jobs/{job}/resume", {}).status_code == 409
    caller.post(f"jobs/{job}/signals", {"name": "go"})
    with nothing_written():
        refused(caller.post(f"jobs/{job}/cancel", {}), 409, "job_ended")
