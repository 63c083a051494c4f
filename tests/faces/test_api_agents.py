"""`/api/agents`: agent instances, their messages and what they keep."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs import clock
from jobs.models import AgentInstance, Definition
from jobs.testing import in_this_process, run_until_parked
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.faces.api_stage import Caller, named, nobody_special, nothing_written, refused

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture(autouse=True)
def _offered(engine_db: str) -> None:
    """The agent `desk`, as a worker registers it."""
    schema = '{"properties": {"goal": {"type": "object", "required": ["word"]}}, "required": ["goal"]}'
    Definition.objects.get_or_create(
        kind="agent",
        name="desk",
        version="1",
        defaults={"form": "workflow", "schema": schema, "seen_at": clock.now()},
    )


def a_desk(caller: Caller, **more: Any) -> str:
    answer = caller.post("agents", {"agent": "desk", **more})
    assert answer.status_code == 201, answer.content
    assert answer.headers["Location"].endswith(f"/api/agents/{answer.json()['id']}")
    return str(answer.json()["id"])


def told(caller: Caller, desk: str, word: str, **headers: str) -> str:
    answer = caller.post(f"agents/{desk}/message", {"message": {"word": word}}, **headers)
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"].endswith(f"/api/jobs/{answer.json()['job_id']}")
    return str(answer.json()["job_id"])


def test_an_agent_is_created_written_to_and_read() -> None:
    caller = Caller()
    desk = a_desk(caller, state={"heard": ["hello"]})
    fresh = caller.get(f"agents/{desk}").json()
    assert (fresh["status"], fresh["queue"], fresh["current_job"], fresh["version"]) == (
        "idle",
        0,
        None,
        None,
    )
    job = told(caller, desk, "one")
    there = caller.get(f"jobs/{job}").json()
    assert (there["id"], there["agent"], there["instance"], there["goal"]) == (
        job,
        "desk",
        desk,
        {"word": "one"},
    )
    assert caller.get(f"agents/{desk}").json()["current_job"] == job
    with in_this_process():
        run_until_parked(job)
    assert caller.get(f"agents/{desk}/state").json() == {
        "id": desk, "state": {"heard": ["hello", "one"]}, "after": job,
    }  # fmt: skip
    after = caller.get(f"agents/{desk}").json()
    assert (after["status"], after["current_job"], after["last_job"]) == ("idle", None, job)


def test_messages_beside_one_at_work_wait_and_are_listed_newest_first() -> None:
    caller = Caller()
    desk = a_desk(caller)
    jobs = [told(caller, desk, word) for word in ("one", "two", "three")]
    assert caller.get(f"jobs/{jobs[1]}").json()["parked_on"] == [
        {"kind": "agent", "name": desk, "node": "_plan"}
    ]
    shown = caller.get(f"agents/{desk}").json()
    assert (shown["status"], shown["queue"]) == ("running", 2)
    page = caller.get(f"agents/{desk}/jobs?limit=2").json()
    assert [job["id"] for job in page["results"]] == [jobs[2], jobs[1]]
    rest = caller.get(page["next"]).json()
    assert [job["id"] for job in rest["results"]] == [jobs[0]]


def test_the_same_key_gives_the_same_job_and_another_body_is_refused() -> None:
    caller = Caller()
    desk = a_desk(caller)
    job = told(caller, desk, "one", Idempotency_Key="k-1")
    with nothing_written():
        assert told(caller, desk, "one", Idempotency_Key="k-1") == job
        body = {"message": {"word": "two"}}
        refused(
            caller.post(f"agents/{desk}/message", body, Idempotency_Key="k-1"), 422, "idempotency_key_reused"
        )
        same = caller.post(f"agents/{desk}/message", {"message": {"word": "one"}, "id": "k-1"})
        assert same.json()["job_id"] == job
        both = {"message": {"word": "one"}, "id": "k-2"}
        assert named(
            refused(caller.post(f"agents/{desk}/message", both, Idempotency_Key="k-1"), 422, "invalid")
        ) == {"id"}


def test_a_message_may_be_called_goal_or_payload_but_only_once() -> None:
    caller = Caller()
    desk = a_desk(caller)
    for name in ("goal", "payload"):
        assert caller.post(f"agents/{desk}/message", {name: {"word": "x"}}).status_code == 202
    with nothing_written():
        twice = {"message": {"word": "x"}, "goal": {"word": "x"}}
        assert named(refused(caller.post(f"agents/{desk}/message", twice), 422, "invalid")) == {"goal"}
        assert named(refused(caller.post(f"agents/{desk}/message", {}), 422, "invalid")) == {"message"}
        refused(caller.post(f"agents/{desk}/message", {"message": "no object"}), 422, "bad_goal")
        late = {"message": {"word": "x"}, "not_before": "soon"}
        refused(caller.post(f"agents/{desk}/message", late), 422, "bad_not_before")
        refused(caller.post(f"agents/{desk}/message", {"message": {}, "wait": 1}), 422, "invalid")


def test_a_delayed_message_says_when_it_is_due() -> None:
    caller = Caller()
    desk = a_desk(caller)
    answer = caller.post(f"agents/{desk}/message", {"message": {"word": "x"}, "not_before": "1h"})
    shown = caller.get(f"agents/{desk}").json()
    assert (shown["status"], shown["queue"]) == ("waiting", 1)
    (wait,) = caller.get(f"jobs/{answer.json()['job_id']}").json()["parked_on"]
    assert wait["deadline"] == shown["next_due"]


def test_a_name_is_as_good_as_an_id_and_belongs_to_one_living_agent() -> None:
    caller, name = Caller(), f"desk-{uuid4().hex[:8]}"
    desk = a_desk(caller, name=name)
    assert caller.get(f"agents/{name}").json()["id"] == desk
    assert told(caller, name, "hello")
    with nothing_written():
        refused(caller.post("agents", {"agent": "desk", "name": name}), 409, "agent_exists")
        refused(caller.post("agents", {"agent": "desk", "name": "two words"}), 422, "bad_name")
        refused(caller.post("agents", {"agent": "nobody-has-this"}), 422, "unknown_agent")
        refused(caller.post("agents", {"agent": "desk", "state": "text"}), 422, "bad_state")
        refused(caller.post("agents", {"name": name}), 422, "invalid")


def test_a_list_is_filtered_and_hides_what_is_deleted() -> None:
    caller = Caller(tenant=f"t-{uuid4().hex[:8]}")
    first, second = a_desk(caller), a_desk(caller, name="second")
    assert [row["id"] for row in caller.get("agents").json()["results"]] == [second, first]
    assert [row["id"] for row in caller.get("agents?name=second").json()["results"]] == [second]
    assert caller.get("agents?agent=refund").json()["results"] == []
    assert caller.delete(f"agents/{first}").json()["status"] == "deleted"
    assert [row["id"] for row in caller.get("agents").json()["results"]] == [second]
    assert [row["id"] for row in caller.get("agents?deleted=true").json()["results"]] == [second, first]
    refused(caller.get("agents?deleted=perhaps"), 422, "invalid")
    refused(caller.get("agents?nam=second"), 422, "unknown_parameter")


def test_a_deleted_agent_takes_no_message_and_is_still_shown() -> None:
    caller = Caller()
    desk = a_desk(caller)
    caller.delete(f"agents/{desk}")
    refused(caller.post(f"agents/{desk}/message", {"message": {"word": "x"}}), 409, "agent_deleted")
    refused(caller.post(f"agents/{desk}/pause", {}), 409, "agent_deleted")
    assert caller.get(f"agents/{desk}").json()["deleted_at"]
    assert caller.delete(f"agents/{desk}").status_code == 200


def test_a_paused_agent_begins_nothing_until_it_is_resumed() -> None:
    caller = Caller()
    desk = a_desk(caller)
    assert caller.post(f"agents/{desk}/pause", {}).json()["status"] == "paused"
    told(caller, desk, "one")
    assert caller.get(f"agents/{desk}").json()["current_job"] is None
    assert caller.post(f"agents/{desk}/resume", {}).json()["current_job"] is not None


def test_who_has_no_permission_is_refused_and_another_tenant_sees_nothing() -> None:
    caller, stranger, other = Caller(), Caller(nobody_special()), Caller(tenant=f"t-{uuid4().hex[:8]}")
    desk = a_desk(caller)
    with nothing_written():
        refused(stranger.post("agents", {"agent": "desk"}), 403, "permission_missing")
        refused(
            stranger.post(f"agents/{desk}/message", {"message": {"word": "x"}}), 403, "permission_missing"
        )
        refused(stranger.delete(f"agents/{desk}"), 403, "permission_missing")
        for part in ("", "/state", "/jobs"):
            refused(other.get(f"agents/{desk}{part}"), 404, "not_found")
            refused(other.get(f"agents/{uuid4()}{part}"), 404, "not_found")
        refused(other.post(f"agents/{desk}/message", {"message": {"word": "x"}}), 404, "not_found")
        refused(other.delete(f"agents/{desk}"), 404, "not_found")
    assert AgentInstance.objects.get(id=desk).deleted_at is None


def test_a_page_of_agents_takes_as_many_queries_as_one(django_assert_max_num_queries: Any) -> None:
    caller = Caller(tenant=f"t-{uuid4().hex[:8]}")
    for _ in range(8):
        desk = a_desk(caller)
        told(caller, desk, "one")
        told(caller, desk, "two")
    with django_assert_max_num_queries(9):
        assert len(caller.get("agents").json()["results"]) == 8
