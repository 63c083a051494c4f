"""POST /api/jobs: a job is durable when the answer comes, and a refusal leaves nothing behind."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings
from rest_framework.exceptions import ParseError

from jobs.api.parsing import ENVELOPE, StrictJSONParser
from jobs.core.errors import TooLarge
from jobs.models import Event
from tests.faces.api_stage import Caller, named, nobody_special, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")
WISH: dict[str, Any] = {"agent": "refund", "goal": {"order_id": "A-1001"}}


def test_a_submitted_job_is_there_when_the_answer_comes() -> None:
    caller = Caller()
    answer = caller.post("jobs", {**WISH, "tags": ["urgent"], "priority": 3})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["Location"].endswith(f"/api/jobs/{job['id']}")
    assert (job["agent"], job["goal"], job["tags"], job["priority"]) == (
        "refund",
        WISH["goal"],
        ["urgent"],
        3,
    )
    assert job["requester"] == {"id": str(caller.user.pk), "name": caller.user.get_username()}
    assert Event.objects.get(job_id=job["id"], seq=1).hash == job["head"]["hash"]
    assert caller.get(f"jobs/{job['id']}").json()["id"] == job["id"]


@pytest.mark.parametrize("path", ["jobs", "jobs/"])
def test_a_slash_at_the_end_changes_nothing(path: str) -> None:
    caller = Caller()
    assert caller.post(path, WISH).status_code == 202
    assert caller.get(path).status_code == 200


def test_the_same_key_and_body_give_the_same_job() -> None:
    caller, key = Caller(), uuid4().hex
    first = caller.post("jobs", WISH, Idempotency_Key=key).json()
    with nothing_written():
        again = caller.post("jobs", WISH, Idempotency_Key=key)
    assert again.status_code == 202
    assert again.json()["id"] == first["id"]


def test_the_same_key_with_another_body_is_refused() -> None:
    caller, key = Caller(), uuid4().hex
    caller.post("jobs", WISH, Idempotency_Key=key)
    with nothing_written():
        other = caller.post("jobs", {**WISH, "goal": {"order_id": "A-1002"}}, Idempotency_Key=key)
    refused(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "x" * 256, "naïve"])
def test_an_idempotency_key_is_1_to_255_plain_characters(key: str) -> None:
    caller = Caller()
    with nothing_written():
        refused(caller.post("jobs", WISH, Idempotency_Key=key), 422, "bad_idempotency_key")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"agnet": "refund"}, "agnet"),
        ({"agent": 7}, "agent"),
        ({"agent": ""}, "agent"),
        ({"agent": "a\x00b"}, "agent"),
        ({"agent": "a\ud800b"}, "agent"),
        ({"priority": "3"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 101}, "priority"),
        ({"tags": "urgent"}, "tags"),
        ({"tags": [7]}, "tags"),
        ({"tags": ['a"b']}, "tags"),
        ({"on_failure": "explode"}, "on_failure"),
    ],
)
def test_a_field_that_is_unknown_or_of_another_type_is_named(change: dict[str, Any], place: str) -> None:
    caller = Caller()
    with nothing_written():
        problem = refused(caller.post("jobs", {**WISH, **change}), 422, "invalid")
    assert named(problem) == {place}


@pytest.mark.parametrize("missing", ["agent", "goal"])
def test_agent_and_goal_are_required(missing: str) -> None:
    caller = Caller()
    body = {name: value for name, value in WISH.items() if name != missing}
    with nothing_written():
        assert named(refused(caller.post("jobs", body), 422, "invalid")) == {missing}


@pytest.mark.parametrize("body", [[], "text", 7, None, [WISH]])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    caller = Caller()
    with nothing_written():
        refused(caller.raw("jobs", json.dumps(body).encode()), 422, "invalid")


@pytest.mark.parametrize("change", [{"queue": "gpu"}, {"deadline": "3d"}])
def test_a_parameter_whose_machinery_is_not_built_is_refused_by_name(change: dict[str, Any]) -> None:
    caller = Caller()
    with nothing_written():
        problem = refused(caller.post("jobs", {**WISH, **change}), 422, "not_supported_yet")
    assert named(problem) == set(change)


def test_a_parameter_given_as_null_is_not_given() -> None:
    assert Caller().post("jobs", {**WISH, "queue": None, "deadline": None}).status_code == 202


@pytest.mark.parametrize("agent", ["nobody", "refund@99", "a b", "refund@"])
def test_an_agent_or_version_that_does_not_exist_is_refused(agent: str) -> None:
    caller = Caller()
    with nothing_written():
        answer = caller.post("jobs", {**WISH, "agent": agent})
    assert answer.status_code == 422
    assert answer.json()["code"] in ("unknown_agent", "unknown_version")


def test_who_lacks_the_permission_submits_nothing() -> None:
    caller = Caller(nobody_special())
    with nothing_written():
        refused(caller.post("jobs", WISH), 403, "permission_missing")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b'{"agent": "refund", "goal": NaN}',
        b'{"agent": "refund", "goal": [Infinity]}',
        b'{"agent": "refund", "goal": 1e999}',
        b'{"agent": "refund", "agent": "other", "goal": {}}',
        b'{"agent": "refund", "goal": {"a": 1, "a": 2}}',
        b'\xff{"agent": "refund"}',
        b'\xef\xbb\xbf{"agent": "refund"}',
        b"[" * 100_000,
        b"1" * 5000,
    ],
)
def test_what_two_programs_would_read_differently_is_malformed(body: bytes) -> None:
    with pytest.raises(ParseError, match="not JSON"):
        StrictJSONParser().parse(BytesIO(body))


def test_malformed_json_is_a_400() -> None:
    caller = Caller()
    with nothing_written():
        refused(caller.raw("jobs", b'{"agent": "refund",'), 400, "malformed_json")


def test_a_body_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    caller = Caller()
    with nothing_written(), override_settings(AETHERIS={"MAX_PAYLOAD": 1000}):
        refused(caller.raw("jobs", b"{" * (1001 + ENVELOPE)), 413, "too_large")


def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    caller = Caller()
    with nothing_written():
        answer = caller.client.post(
            "/api/jobs", b"{}", content_type="application/json", CONTENT_LENGTH="99999999"
        )
        refused(answer, 413, "too_large")


def test_a_goal_over_the_limit_is_refused_though_the_body_is_read() -> None:
    caller = Caller()
    with nothing_written(), override_settings(AETHERIS={"MAX_PAYLOAD": 1000}):
        answer = caller.post("jobs", {**WISH, "goal": {"order_id": "A-1001", "note": "x" * 1000}})
        refused(answer, 413, "too_large")


def test_a_body_larger_than_it_says_is_read_only_up_to_the_limit() -> None:
    stream = BytesIO(b" " * 10_000_000)
    with override_settings(AETHERIS={"MAX_PAYLOAD": 1000}), pytest.raises(TooLarge, match="1000 bytes"):
        StrictJSONParser().parse(stream)
    assert stream.tell() == 1000 + ENVELOPE + 1


def test_a_body_without_a_length_is_refused() -> None:
    caller = Caller()
    with nothing_written():
        answer = caller.client.generic("POST", "/api/jobs", b"", headers={"Transfer-Encoding": "chunked"})
        refused(answer, 411, "length_required")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_of_another_type_is_refused(kind: str) -> None:
    caller = Caller()
    with nothing_written():
        refused(caller.raw("jobs", b"agent=refund", content_type=kind), 415, "unsupported_media_type")


def test_numbers_keep_what_they_are_all_the_way() -> None:
    caller = Caller()
    goal = {"order_id": "A-1001", "n": [1e16, -0.0, 0.1, 10**30, 5e-324]}
    answer = caller.post("jobs", {"agent": "refund", "goal": goal})
    assert json.dumps(answer.json()["goal"]["n"]) == json.dumps(goal["n"])


def test_text_that_utf_8_cannot_write_still_comes_back() -> None:
    caller = Caller()
    job = caller.raw("jobs", b'{"agent": "refund", "goal": {"order_id": "\\ud800 \\u0000"}}').json()
    assert caller.get(f"jobs/{job['id']}").json()["goal"] == {"order_id": "\ud800 \x00"}


def test_a_method_that_is_not_there_is_refused() -> None:
    caller = Caller()
    refused(caller.client.patch("/api/jobs"), 405, "method_not_allowed")
