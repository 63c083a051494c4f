"""Forking a job at an event: new keys, what had settled as recalls, and nothing repeated that nobody has confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from forensics.services import replay_job, verify_job
from jobs import TaskGraph, agent, approve, cancel, create_agent, fork, message_agent, signal
from jobs.core.errors import Illegal, Invalid, NotFound
from jobs.core.state import JobState
from jobs.models import Approval, Delivery, Event, Job
from jobs.testing import run_until_parked
from ledger import NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import add, look, pay, send
from tests.engine.conversing import ANN, a_desk, all_of
from tests.engine.driving import a_word, asked, flow, folded, kinds, ran, started
from tests.factories import a_tenant, person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")
BOB, ZOE = person("bob"), person("zoe")


def seq_of(job: str, type: str, node: str) -> int:
    return (
        Event.objects.filter(job_id=job, type=type, node=node)
        .order_by("seq")
        .values_list("seq", flat=True)[0]
    )


def forked(job: str, at: int, **more: Any) -> JobState:
    """A fork, driven until it rests; every record of both jobs is whole."""
    second = str(fork(job, at, actor=ZOE, **more))
    state = run_until_parked(second)
    for each in (job, second):
        run_until_parked(each)
        check(each)
        assert verify_job(each)["problem"] is None
    replayed = replay_job(second)
    assert replayed["ok"], replayed["problem"]
    return state


def refusal(job: str, at: int, **more: Any) -> Any:
    with pytest.raises(Illegal) as refused:
        fork(job, at, actor=ZOE, **more)
    return refused.value


def two(first: str, second: str) -> TaskGraph:
    graph = TaskGraph()
    one = graph.tool("one", send, word=first)
    graph.output(graph.tool("two", send, word=second, after=[one])["n"])
    return graph


def line(job: str, node: str) -> Invocation:
    return Invocation.objects.get(job_id=job, node=node)


def test_a_fork_recalls_what_landed_before_its_cut_and_calls_the_rest_under_new_keys() -> None:
    words = [a_word() for _ in range(2)]
    job = ran(two(*words)).job
    cut = seq_of(job, "node_finished", "one")
    state = forked(job, cut, confirm=[line(job, "two").id])
    assert (state.status, state.output, state.generation, state.origin) == ("completed", 2, 1, state.job)
    assert [world.times(word) for word in words] == [1, 2]
    assert (line(state.job, "one").state, line(state.job, "one").recalled_from) == (
        "recalled",
        line(job, "one").id,
    )
    assert line(state.job, "two").idempotency_key != line(job, "two").idempotency_key
    assert (state.forked or {})["hash"] == Event.objects.get(job_id=job, seq=cut).hash
    last = Event.objects.filter(job_id=job).order_by("-seq")[0]
    assert (last.type, folded(job).forks) == ("job_forked", (state.job,))


def test_what_landed_after_the_cut_is_listed_and_must_be_confirmed_exactly() -> None:
    job = ran(two(a_word(), a_word())).job
    cut = seq_of(job, "node_finished", "_plan")
    why = refusal(job, cut)
    ids = [str(line(job, node).id) for node in ("one", "two")]
    assert why.code == "landed_after_cut"
    assert [(each["invocation"], each["tool"], each["node"]) for each in why.details["calls"]] == [
        (ids[0], "send", "one"), (ids[1], "send", "two")
    ]  # fmt: skip
    assert refusal(job, cut, confirm=ids[:1]).code == "landed_after_cut"
    assert refusal(job, cut, confirm=[*ids, line(job, "one").job_id]).code == "landed_after_cut"
    assert forked(job, cut, confirm=ids).status == "completed"


def test_reading_again_needs_no_confirmation_and_a_superfluous_one_is_refused() -> None:
    graph = TaskGraph()
    graph.output(graph.tool("seen", look, word=a_word()))
    job = ran(graph).job
    cut = seq_of(job, "node_finished", "_plan")
    assert refusal(job, cut, confirm=[line(job, "seen").id]).code == "nothing_to_confirm"
    assert forked(job, cut).output["n"] == 2


def test_a_fork_inside_an_open_promise_is_refused_and_told_where_to_cut() -> None:
    job = ran(two(a_word(), a_word())).job
    cut = seq_of(job, "tool_invocation_started", "one")
    why = refusal(job, cut)
    assert (why.code, why.details["calls"][0]["node"]) == ("inside_promise", "one")
    assert f"cut before event {cut}" in why.message
    assert forked(job, cut - 1, confirm=[line(job, node).id for node in ("one", "two")]).status == "completed"


def test_a_cut_between_an_answer_and_what_follows_from_it_takes_both() -> None:
    words = [a_word() for _ in range(2)]
    job = ran(two(*words)).job
    cut = seq_of(job, "tool_invocation_finished", "one")
    state = forked(job, cut, confirm=[line(job, "two").id])
    assert (state.status, world.times(words[0])) == ("completed", 1)


def test_a_fork_while_a_promise_is_unresolved_is_refused() -> None:
    word = a_word()
    world.script(word, ValueError("who knows"))
    job = started(two(word, a_word()))
    assert run_until_parked(job).status == "parked"
    assert refusal(job, seq_of(job, "node_finished", "_plan")).code == "promise_unresolved"


def test_a_job_that_still_runs_is_forked_and_told_so_while_it_goes_on() -> None:
    graph = TaskGraph()
    graph.output(graph.wait("word", signal="go", after=[graph.tool("one", send, word=a_word())]))
    job = started(graph)
    head = run_until_parked(job).seq
    state = forked(job, head)
    assert (state.status, folded(job).status) == ("parked", "parked")
    assert kinds(job)[-1] == "job_forked"
    signal(state.job, "go", 1, actor=BOB)
    signal(job, "go", 2, actor=BOB)
    assert (run_until_parked(state.job).output, run_until_parked(job).output) == (1, 2)


def test_a_fork_that_uses_a_business_key_of_its_parent_recalls_it_by_the_ledger() -> None:
    word = a_word()
    graph = TaskGraph()
    graph.output(graph.tool("pay", pay, word=word, cents=5))
    job = ran(graph).job
    state = forked(job, seq_of(job, "node_finished", "_plan"), confirm=[line(job, "pay").id])
    assert (state.status, state.output) == ("completed", {"paid": 5, "n": 1})
    assert (world.times(word), line(state.job, "pay").state) == (1, "recalled")


def test_a_failed_job_is_forked_seq_its_end_and_tries_the_failed_step_under_a_new_key() -> None:
    words = [a_word() for _ in range(2)]
    world.script(words[1], NotLanded("no", permanent=True))
    first = ran(two(*words))
    assert first.status == "failed"
    state = forked(first.job, first.seq)
    assert (state.status, world.times(words[0])) == ("completed", 1)
    assert line(state.job, "two").idempotency_key != line(first.job, "two").idempotency_key


@agent("planned-anew")
def planned(goal: dict[str, Any]) -> TaskGraph:
    """As many payments as the goal says."""
    graph = TaskGraph()
    graph.output([graph.tool(f"n{each}", send, word=goal["word"]) for each in range(goal["n"])])
    return graph


def test_another_goal_is_planned_anew_if_the_cut_lies_before_the_plan() -> None:
    job = asked("planned-anew", {"word": a_word(), "n": 1})
    run_until_parked(job)
    word, known = a_word(), [line(job, "n0").id]
    state = forked(job, 1, goal={"word": word, "n": 2}, confirm=known)
    assert (state.goal["n"], len(state.output), world.times(word)) == (2, 2, 2)
    at = seq_of(job, "plan_generated", "")
    why = refusal(job, at, goal={"word": word, "n": 3}, confirm=known)
    assert (why.code, why.details["before"]) == ("goal_without_effect", at)
    with pytest.raises(Invalid):
        fork(job, 1, goal=[], actor=ZOE)


@flow
def tells(ctx: Any, goal: dict[str, Any]) -> list[Any]:
    """A payment, a question, and another payment of what the goal says."""
    paid = ctx.tool(send, word=goal["word"])
    decided = ctx.approval("Sure?", groups=["finance"])
    return [paid["n"], decided.approved, ctx.tool(add, a=goal["a"])]


def test_a_workflow_takes_another_goal_on_its_recorded_answers_but_is_approved_anew() -> None:
    word = a_word()
    job = asked("tells", {"word": word, "a": 1})
    run_until_parked(job)
    approve(job, actor=BOB)
    run_until_parked(job)
    cut = seq_of(job, "wait_completed", "main/1")
    assert forked(job, cut).output == [1, True, 2]
    state = forked(job, cut, goal={"word": word, "a": 10})
    assert (state.status, state.goal["a"]) == ("parked", 10)
    assert Approval.objects.get(job_id=state.job).state == "open"
    approve(state.job, actor=BOB)
    state = run_until_parked(state.job)
    assert (state.output, world.times(word)) == ([1, True, 11], 1)
    assert replay_job(state.job)["ok"]
    end = seq_of(job, "node_finished", "main")
    assert refusal(job, end, goal={"word": word, "a": 3}).details["before"] == end


def test_what_the_children_of_a_job_landed_must_be_confirmed_too() -> None:
    word = a_word()
    inner = TaskGraph()
    inner.output(inner.tool("sent", send, word=word))
    graph = TaskGraph()
    graph.output(graph.agent("child", "drawn", {"graph": inner.to_json()}))
    job = ran(graph).job
    child = folded(job).calls["child"].info["job"]
    cut = seq_of(job, "node_finished", "_plan")
    why = refusal(job, cut)
    assert [(each["invocation"], each["job"]) for each in why.details["calls"]] == [
        (str(line(child, "sent").id), child)
    ]
    state = forked(job, cut, confirm=[line(child, "sent").id])
    assert (state.status, state.output["n"]) == ("completed", 2)
    with_child = seq_of(job, "child_finished", "child")
    fork(job, with_child, actor=ZOE)
    assert not Delivery.objects.filter(job_id=child, command="create").exists()
    whole = forked(job, with_child)
    assert (whole.output["n"], world.times(word)) == (1, 2)
    assert Job.objects.filter(parent_job=whole.job).count() == 0


def test_forks_of_one_job_may_run_side_by_side() -> None:
    graph = TaskGraph()
    graph.wait("word", signal="go")
    job = started(graph)
    head = run_until_parked(job).seq
    assert len({forked(job, head).job for _ in range(3)}) == 3
    cancel(job, actor=BOB)
    run_until_parked(job)
    assert forked(job, 1).status == "parked"


def test_the_same_idempotency_key_gives_the_same_fork() -> None:
    job = ran(two(a_word(), a_word())).job
    known, key = [line(job, node).id for node in ("one", "two")], a_word()
    first = fork(job, 1, confirm=known, actor=ZOE, idempotency_key=key)
    assert fork(job, 1, confirm=known, actor=ZOE, idempotency_key=key) == first
    assert verify_job(first)["problem"] is None


@pytest.mark.parametrize("at", [0, -1, 10_000, True, "5"])
def test_a_cut_at_no_event_of_the_job_is_refused(at: Any) -> None:
    job = ran(two(a_word(), a_word())).job
    with pytest.raises(Invalid) as refused:
        fork(job, at, actor=ZOE)
    assert refused.value.code == "no_such_event"


def test_nobody_forks_a_job_of_another_tenant() -> None:
    job = ran(two(a_word(), a_word())).job
    with pytest.raises(NotFound):
        fork(job, 1, actor=person("ann", tenant=a_tenant()))


def test_a_message_that_was_sent_to_an_agent_is_sent_again_only_if_that_is_confirmed() -> None:
    desk, postman = a_desk(), str(create_agent("forward", actor=ANN))
    job = str(message_agent(postman, {"to": desk, "word": "hello"}, actor=ANN))
    sent = run_until_parked(job).output["job"]
    cut = seq_of(job, "node_finished", "_plan")
    why = refusal(job, cut)
    assert [(each["tool"], each["invocation"]) for each in why.details["calls"]] == [("ctx.send", sent)]
    kept = forked(job, seq_of(job, "command_emitted", "main/0"))
    assert (kept.output["job"], len(all_of(desk))) == (sent, 1)
    again = forked(job, cut, confirm=[sent])
    assert again.output["job"] != sent
    assert len(all_of(desk)) == 2
