"""Evidence from job to job: back from an effect to the causes in other jobs, forward from a cause to its effects there."""

from __future__ import annotations

import pytest

from forensics.evidence import FORWARD
from forensics.evidence.journey import Journey
from forensics.services.across import Stored
from jobs import TaskGraph, create_agent, message_agent, signal
from jobs.models import Event, Job
from jobs.services import cancel, deliver_due, fork, retry
from jobs.testing import run_until_parked
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.agents.tools import look, pay
from tests.engine.driving import a_word
from tests.factories import a_tenant, person
from tests.forensics.families import (
    across_read,
    across_tell,
    drawn,
    family,
    forward,
    ids,
    links,
    why,
)

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def tenant() -> str:
    return a_tenant()


def test_why_goes_back_into_the_child_whose_answer_was_used(tenant: str) -> None:
    word = a_word()
    job, child = family(tenant, word)
    told = why(job, "pay")
    [part] = told["across"]["results"]
    assert (part["job"], part["status"]) == (child, "completed")
    assert {"output", "step/paid", "step/inner", "request", f"document/doc-{word}#digest-{word}"} <= ids(part)
    assert (job, "step/child", child, "output", "child") in links(told["across"])
    assert told["beyond"] == [child]
    assert (told["across"]["cut"], told["across"]["absent"]) == (False, [])


def test_why_in_a_child_goes_back_to_the_step_that_asked_and_not_through_its_own_answer(tenant: str) -> None:
    job, child = family(tenant, a_word())
    told = why(child, "paid")
    [part] = told["across"]["results"]
    assert part["job"] == job
    assert {"step/child", "plan", "request", "person/user/u-ann"} <= ids(part)
    assert "step/pay" not in ids(part)
    assert f"job/{child}" not in ids(part), "the answer of the child is no cause of what the child did"
    assert "output" not in ids(told)


def test_what_followed_goes_into_the_child_and_out_of_it_again(tenant: str) -> None:
    word = a_word()
    job, child = family(tenant, word)
    told = forward(child, f"document/doc-{word}#digest-{word}", tenant)
    [part] = told["results"]
    assert part["job"] == job
    assert {"step/child", "step/pay", "output"} <= ids(part)
    assert not {"step/order", "step/aside", "request"} & ids(part)
    told = forward(job, "person/user/u-ann", tenant)
    assert [each["job"] for each in told["results"]] == [child]
    assert {"request", "step/paid", "output"} <= ids(told["results"][0])


def test_what_came_of_the_childs_answer_did_not_ask_the_child(tenant: str) -> None:
    """Forward from inside a child: the parent's step had asked before, so nothing of the child follows from it again."""
    word = a_word()
    job, child = family(tenant, word)
    journey = Journey(Stored(tenant), FORWARD)
    found = journey.walk([(child, "step/paid")])
    assert set(found[child]) == {"step/paid", "output"}
    assert "step/pay" in found[job]


def test_a_fork_leads_back_to_its_origin_and_to_who_forked_it_and_forward_to_the_fork(tenant: str) -> None:
    word = a_word()
    graph = TaskGraph()
    order = graph.tool("order", across_read, word=word)
    graph.output(graph.tool("look", look, word=order["text"]))
    job = drawn(graph, tenant)
    cut = Event.objects.get(job_id=job, type="node_finished", node="order").seq
    second = str(fork(job, cut, actor=person("zoe", tenant=tenant)))
    run_until_parked(second)
    deliver_due()
    told = why(second, "look")
    [part] = told["across"]["results"]
    noted = Event.objects.get(job_id=job, type="job_forked").seq
    assert part["job"] == job
    assert {"step/order", "request", f"fork/{noted}", "person/user/u-zoe"} <= ids(part)
    assert "step/look" not in ids(part)
    assert {
        (second, "step/order", job, "step/order", "copied"),
        (second, "request", job, f"fork/{noted}", "forked"),
    } <= links(told["across"])
    told = forward(job, f"document/doc-{word}#digest-{word}", tenant)
    [part] = told["results"]
    assert part["job"] == second
    assert {"step/order", "step/look", "output"} <= ids(part)


def test_a_retry_and_a_copied_letter_lead_back_to_the_event_that_was_copied(tenant: str) -> None:
    graph = TaskGraph()
    graph.wait("wait", signal="go")
    graph.wait("more", signal="more", after=["wait"])
    ann = person("ann", tenant=tenant)
    job = drawn(graph, tenant)
    signal(job, "go", {"word": "x"}, actor=person("bob", tenant=tenant))
    run_until_parked(job)
    cancel(job, actor=ann)
    run_until_parked(job)
    second = str(retry(job, actor=ann))
    run_until_parked(second)
    deliver_due()
    [part] = why(second, "wait")["across"]["results"]
    came = Event.objects.get(job_id=job, type="signal_received").seq
    assert {f"signal/{came}", "person/user/u-bob"} <= ids(part)


def test_a_recalled_effect_leads_to_the_call_that_the_world_saw_and_from_there_forward(tenant: str) -> None:
    word = a_word()
    jobs = []
    for who in ("ann", "zoe"):
        graph = TaskGraph()
        graph.output(graph.tool("pay", pay, word=word, cents=5))
        jobs.append(drawn(graph, tenant, who))
    told = why(jobs[1], "pay")
    [part] = told["across"]["results"]
    assert part["job"] == jobs[0]
    assert {"step/pay", "person/user/u-ann"} <= ids(part)
    assert (jobs[1], "step/pay", jobs[0], "step/pay", "recalled") in links(told["across"])
    told = forward(jobs[0], "person/user/u-ann", tenant)
    assert [each["job"] for each in told["results"]] == [jobs[1]]
    assert "step/pay" in ids(told["results"][0])
    assert "person/user/u-zoe" not in ids(told["results"][0])


@pytest.mark.parametrize("waits", [False, True])
def test_a_message_to_an_agent_leads_to_the_step_that_sent_it_and_to_the_turn_before(
    waits: bool, tenant: str
) -> None:
    ann = person("ann", tenant=tenant)
    desk, postman = create_agent("desk", actor=ann), create_agent("forward", actor=ann)
    first = str(message_agent(desk, {"word": "earlier"}, actor=person("bob", tenant=tenant)))
    if not waits:
        run_until_parked(first)
    sender = str(message_agent(postman, {"to": str(desk), "word": "hello"}, actor=ann))
    run_until_parked(sender)
    deliver_due()
    run_until_parked(first)
    deliver_due()
    came = str(Job.objects.filter(instance=desk).exclude(id=first).get().id)
    run_until_parked(came)
    told = why(came, "output")
    assert {each["job"] for each in told["across"]["results"]} == {first, sender}
    found = links(told["across"])
    assert (came, "request", sender, "step/main/0", "sent") in found
    assert {each[1] for each in found if each[4] == "kept"} == {"step/_plan" if waits else "request"}
    told = forward(sender, "request", tenant)
    assert [each["job"] for each in told["results"]] == [came]
    told = forward(first, "person/user/u-bob", tenant)
    assert came in {each["job"] for each in told["results"]}
    assert sender not in {each["job"] for each in told["results"]}


def test_a_signal_that_a_tool_sends_for_its_job_leads_to_the_very_call(tenant: str) -> None:
    graph = TaskGraph()
    wait = graph.wait("wait", signal="go")
    graph.output(graph.tool("look", look, word=wait["word"]))
    waits = drawn(graph, tenant)
    graph = TaskGraph()
    graph.tool("tell", across_tell, job=waits, word="now")
    tells = drawn(graph, tenant)
    run_until_parked(waits)
    told = why(waits, "look")
    assert [each["job"] for each in told["across"]["results"]] == [tells]
    came = Event.objects.get(job_id=waits, type="signal_received").seq
    assert (waits, f"signal/{came}", tells, "step/tell", "sent") in links(told["across"])
    told = forward(tells, "step/tell", tenant)
    assert [each["job"] for each in told["results"]] == [waits]
    assert {"step/wait", "step/look", "output"} <= ids(told["results"][0])


def test_a_walk_that_comes_back_to_its_job_shows_what_it_finds_there(tenant: str) -> None:
    """One job wakes another, which wakes it: what it did before is a cause of what it did after."""
    graph = TaskGraph()
    wait = graph.wait("wait", signal="go")
    graph.tool("back", across_tell, job=wait["word"], word="done")
    other = drawn(graph, tenant)
    graph = TaskGraph()
    told = graph.wait("told", signal="go")
    graph.tool("tell", across_tell, job=other, word="")
    graph.tool("aside", look, word="aside")
    graph.tool("after", look, word="after", after=[told])
    first = drawn(graph, tenant)
    run_until_parked(other)
    run_until_parked(first)
    found = why(first, "after")
    assert {each["job"] for each in found["across"]["results"]} == {other}
    assert "step/tell" in ids(found)
    assert "step/aside" not in ids(found)
    [tell] = [each for each in found["nodes"] if each["id"] == "step/tell"]
    assert tell["distance"] > 4
