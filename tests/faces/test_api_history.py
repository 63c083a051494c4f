"""What happened in a job, over HTTP: events as they were hashed, the trace, one step in depth."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from jobs import services, store
from jobs.core.commands import Call, FinishNode, Release, StartNode
from jobs.models import Blob, Job
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def _all(caller: Caller, address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    following: str | None = address
    while following:
        page = caller.get(following).json()
        found += page["results"]
        following = page["next"]
    return found


def test_events_come_in_pages_and_each_once() -> None:
    caller = Caller()
    job, _ = stage.unknown_call()
    events = _all(caller, f"jobs/{job}/events?limit=3")
    head = caller.get(f"jobs/{job}").json()["head"]
    assert [event["seq"] for event in events] == list(range(1, head["seq"] + 1))
    assert events[-1]["hash"] == head["hash"]
    later = caller.get(f"jobs/{job}/events?after=4&limit=2").json()
    assert [event["seq"] for event in later["results"]] == [5, 6]


def test_a_client_recomputes_every_hash_from_what_it_got() -> None:
    caller = Caller()
    job, _ = stage.unknown_call()
    previous = "0" * 64
    for event in _all(caller, f"jobs/{job}/events?raw=1&limit=2"):
        digest = sha256(bytes.fromhex(event["salt"]) + event["raw"].encode("ascii")).hexdigest()
        parts = [
            "aetheris.event.v1",
            job,
            str(event["seq"]),
            event["type"],
            event["node"],
            event["at"],
            digest,
            previous,
        ]
        assert event["digest"] == digest
        assert event["prev"] == previous
        assert event["hash"] == sha256(("\n".join(parts) + "\n").encode("ascii")).hexdigest()
        assert json.loads(event["raw"]) == event["body"]
        previous = event["hash"]


def test_a_body_with_large_parts_comes_whole_and_its_raw_text_as_it_is_stored() -> None:
    caller, job = Caller(), stage.job(stage.waiting("go"))
    payload = {"text": "x" * 100_000}
    services.signal(job, "go", payload, actor=stage.actor(caller.user))
    [event] = [e for e in _all(caller, f"jobs/{job}/events?raw=1") if e["type"] == "signal_received"]
    assert event["body"]["payload"] == payload
    assert "$blobs" not in event["body"]
    assert len(event["raw"]) < 2000
    digest = json.loads(event["raw"])["payload"]["sha256"]
    tenant = Job.objects.get(id=job).tenant
    assert Blob.objects.filter(tenant=tenant, sha256=digest).count() == 1


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "raw=yes", "after=99999999999999999999"])
def test_a_number_that_is_none_is_refused(query: str) -> None:
    job = stage.job(stage.waiting("go"))
    assert named(refused(Caller().get(f"jobs/{job}/events?{query}"), 422, "invalid")) == {
        query.partition("=")[0]
    }


def test_a_page_of_events_costs_the_same_queries_however_long_it_is(
    django_assert_max_num_queries: Any,
) -> None:
    caller = Caller()
    job, _ = stage.unknown_call()
    for limit in (1, 1000):
        with django_assert_max_num_queries(9):  # three, and its own entry in the access log
            caller.get(f"jobs/{job}/events?limit={limit}")


def test_the_trace_tells_every_step_with_its_calls_and_every_event() -> None:
    caller = Caller()
    job, invocation = stage.unknown_call()
    trace = caller.get(f"jobs/{job}/trace").json()
    assert (trace["job"], trace["status"]) == (job, "parked")
    plan, pay = trace["tree"]
    assert (plan["node"], plan["kind"], plan["status"], plan["attempts"]) == ("_plan", "plan", "done", 1)
    assert plan["input"] == {"n": 1}
    assert (pay["node"], pay["status"], pay["input"]) == ("pay", "parked", {"cents": 1200})
    [call] = pay["calls"]
    assert (call["path"], call["kind"], call["name"], call["status"]) == (
        "pay",
        "tool",
        "pay_back",
        "unknown",
    )
    assert call["invocation"] == invocation
    seqs = [event["seq"] for event in trace["timeline"]]
    assert seqs == list(range(1, len(seqs) + 1))
    assert all(event["summary"] for event in trace["timeline"])


def test_a_step_in_depth_has_its_attempts_events_and_words_of_the_plan() -> None:
    caller = Caller()
    job, invocation = stage.unknown_call()
    caller.post(f"unresolved/{invocation}/resolve", {"verdict": "landed", "result": {"ok": True}})
    node = caller.get(f"jobs/{job}/nodes/pay").json()
    assert node["spec"]["tool"] == "pay_back"
    fence = node["attempts"][0]["fence"]
    assert fence in [event["seq"] for event in node["events"] if event["type"] == "node_started"]
    assert node["attempts"][0]["end"] == "parked"
    assert (node["status"], node["output"]) == ("done", {"ok": True})
    assert {event["node"] for event in node["events"]} == {"pay"}
    assert (node["state_before"], node["state_after"]) == ({}, {})
    assert caller.get(f"jobs/{job}/nodes/pay/").json() == node


def test_the_planning_step_is_a_step_too() -> None:
    job = stage.job(stage.waiting("go"), goal={"order": 7})
    node = Caller().get(f"jobs/{job}/nodes/_plan").json()
    assert (node["kind"], node["input"]) == ("plan", {"order": 7})


@pytest.mark.parametrize("node", ["nobody", "pay/3/0", "..", "a%00b"])
def test_a_step_that_the_job_does_not_have_is_not_found(node: str) -> None:
    job = stage.job(stage.waiting("go"))
    assert Caller().get(f"jobs/{job}/nodes/{node}").status_code == 404


def test_a_call_inside_a_workflow_is_read_by_its_path_and_stands_below_its_step() -> None:
    job = stage.job({"id": "flow", "kind": "workflow", "fn": "triage", "args": {}})
    me = stage.worker()
    fence = store.commit(job, StartNode("flow", me), worker=me).state.nodes["flow"].fence
    asked = Call("flow", fence, "flow/0/1", "signal", "go", {"name": "go"}, spec={"on_timeout": "fail"})
    store.commit(job, asked, Release("flow", fence, ("flow/0/1",)))
    caller = Caller()
    call = caller.get(f"jobs/{job}/nodes/flow/0/1").json()
    assert (call["node"], call["kind"], call["status"], call["spec"]["step"]) == (
        "flow/0/1",
        "signal",
        "waiting",
        "flow",
    )
    assert {event["node"] for event in call["events"]} == {"flow/0/1"}
    step = caller.get(f"jobs/{job}/nodes/flow").json()
    assert [each["path"] for each in step["calls"]] == ["flow/0/1"]
    assert {event["node"] for event in step["events"]} == {"flow", "flow/0/1"}
    flow = caller.get(f"jobs/{job}/trace").json()["tree"][1]
    assert (flow["node"], flow["worker"], flow["calls"]) == ("flow", me, step["calls"])


def test_the_items_of_a_map_stand_in_the_trace_behind_their_map() -> None:
    each = {
        "id": "all",
        "kind": "map",
        "tool": "pay_back",
        "over": {"$lit": [1, 2]},
        "each": {"cents": {"$item": []}},
    }
    job = stage.job(each, stage.waiting("go"))
    caller = Caller()
    tree = caller.get(f"jobs/{job}/trace").json()["tree"]
    assert [step["node"] for step in tree] == ["_plan", "all", "all/0", "all/1", "wait-go"]
    item = caller.get(f"jobs/{job}/nodes/all/1").json()
    assert (item["kind"], item["spec"]["id"]) == ("tool", "all")


def test_the_state_of_a_job_is_told_as_it_was_before_and_after_a_step() -> None:
    first = {"id": "one", "kind": "workflow", "fn": "triage", "args": {}}
    job = stage.job(first, {**first, "id": "two", "after": ["one"]})
    me = stage.worker()
    for name, change in (("one", {"set": {"a": 1, "b": 2}}), ("two", {"set": {"a": 3}, "drop": ["b"]})):
        fence = store.commit(job, StartNode(name, me), worker=me).state.nodes[name].fence
        store.commit(job, FinishNode(name, fence, None, delta=change))
    caller = Caller()
    one, two = (caller.get(f"jobs/{job}/nodes/{name}").json() for name in ("one", "two"))
    assert (one["state_before"], one["state_after"]) == ({}, {"a": 1, "b": 2})
    assert (two["state_before"], two["state_after"]) == ({"a": 1, "b": 2}, {"a": 3})
