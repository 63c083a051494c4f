"""Bodies above 64 KiB: the large part is stored once by its digest, and the chain covers the stored text."""

from __future__ import annotations

import json
from hashlib import sha256
from uuid import uuid4

import pytest

from jobs import store
from jobs.bodies import ASIDE, parsed
from jobs.core.chain import canonical
from jobs.models import Blob, Event
from jobs.store import reading
from tests.factories import a_job as job_of
from tests.factories import a_planned_job, a_tenant, a_worker, claim, one_tool, person, told
from tests.store.audit import check, events_of

LIMIT = 64 * 1024


def big(size: int = LIMIT + 1) -> dict[str, str]:
    return {"text": uuid4().hex.ljust(size, "x")}


def blobs(value: object) -> list[Blob]:
    return list(Blob.objects.filter(sha256=sha256(canonical(value).encode()).hexdigest()))


def test_a_large_goal_stands_in_one_blob_and_is_put_back_when_the_job_is_read(engine_db: str) -> None:
    goal = big()
    job = job_of(goal=goal)
    stored = json.loads(events_of(job)[0].body or "")
    assert len(events_of(job)[0].body or "") < 2000
    assert stored[ASIDE] == ["goal"]
    assert stored["goal"] == {"sha256": blobs(goal)[0].sha256, "size": len(canonical(goal))}
    reading.forget_all()
    assert store.load(job).goal == goal
    check(job)


def test_two_jobs_with_one_large_goal_share_one_blob(engine_db: str) -> None:
    goal = big()
    one, other = job_of(goal=goal), job_of(goal=goal)
    assert len(blobs(goal)) == 1
    assert store.state_of(one).goal == store.state_of(other).goal == goal


def test_a_large_result_is_stored_once_however_many_events_speak_of_it(engine_db: str) -> None:
    worker, result = a_worker(), big()
    job = a_planned_job(one_tool(), worker)
    store.commit(job, told(claim(job, worker), result))
    speaking = [event for event in events_of(job) if ASIDE in (event.body or "")]
    assert {event.type for event in speaking} >= {
        "tool_invocation_finished",
        "node_finished",
        "job_completed",
    }
    assert len(blobs(result)) == 1
    assert store.state_of(job).output == result
    check(job)


def test_a_body_at_the_limit_stays_whole_and_one_beyond_it_does_not(engine_db: str) -> None:
    empty = len(events_of(job_of(goal="", actor=person(tenant="t")))[0].body or "")
    for size, aside in ((LIMIT - empty, False), (LIMIT - empty + 1, False), (LIMIT, True)):
        body = events_of(job_of(goal="x" * size, actor=person(tenant="t")))[0].body or ""
        assert (ASIDE in json.loads(body)) is aside


def test_a_payload_that_speaks_like_the_store_is_only_a_payload(engine_db: str) -> None:
    goal = {ASIDE: ["goal"], "goal": {"sha256": "0" * 64, "size": 1}}
    job = job_of(goal=goal)
    assert store.state_of(job).goal == goal


def test_a_part_that_is_missing_is_named(engine_db: str) -> None:
    goal = big()
    job = job_of(goal=goal, actor=person(tenant=a_tenant()))
    blobs(goal)[0].delete()
    with pytest.raises(LookupError, match="goal"):
        store.state_of(job)


def test_a_body_that_was_erased_reads_as_erased() -> None:
    assert parsed([None, '{"a":1}'], "default") == [{"erased": True}, {"a": 1}]


@pytest.mark.parametrize("value", [1e16, 1e22, -0.0, "\x00", "\ud800", "é", 2**70, [], {"": None}])
def test_what_is_read_is_what_was_written(engine_db: str, value: object) -> None:
    job = job_of(goal={"v": value})
    assert repr(store.state_of(job).goal) == repr({"v": value})
    check(job)
    assert Event.objects.filter(job_id=job).count() == 1
