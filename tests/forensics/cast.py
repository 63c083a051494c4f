"""The jobs that the auditor looks at: finished, parked and failed, of every kind of node and of both workflows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jobs import CallFailed, TaskGraph, agent, approve, cancel, reject, resolve, signal
from jobs.testing import run_until_parked
from ledger import Absent, Landed
from ledger.llm import Scripted, register_model
from tests.agents import world
from tests.agents.tools import add, look, opaque_send, pay, probed, put, send
from tests.engine.driving import a_word, after, asked, flow, ran, started
from tests.engine.sample_flows import doubled, looked
from tests.factories import person

BOB = person("bob")
CAST: dict[str, Callable[[], str]] = {}


def part(make: Callable[[], str]) -> Callable[[], str]:
    """Note a job of the cast by its function's name."""
    CAST[make.__name__] = make
    return make


def refund_like(word: str) -> TaskGraph:
    """Read, ask people, pay once."""
    graph = TaskGraph()
    order = graph.tool("order", look, word=word)
    ask = graph.approval("ask", question="Pay?", show={"order": order}, groups=["finance"], four_eyes=True,
                         deadline="3d", when=order["n"] > 0)  # fmt: skip
    paid = graph.tool("pay", pay, word=word, cents=5, after=[ask])
    graph.tool("no", add, a=1, when=ask.rejected)
    graph.output(paid)
    return graph


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    """A graph of one call."""
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


@part
def approved_and_paid() -> str:
    job = refund_parked()
    approve(job, actor=BOB, comment="fine")
    assert run_until_parked(job).status == "completed"
    return job


@part
def refund_parked() -> str:
    job = started(refund_like(a_word()), idempotency_key=a_word(), tags=["audit"], priority=3)
    assert run_until_parked(job).status == "parked"
    return job


@part
def refused() -> str:
    job = refund_parked()
    reject(job, actor=BOB)
    assert run_until_parked(job).outcome == "rejected"
    return job


@part
def cancelled_while_asking() -> str:
    job = refund_parked()
    cancel(job, actor=person())
    assert run_until_parked(job).status == "cancelled"
    return job


@part
def mapped_with_a_failure() -> str:
    words = [a_word() for _ in range(3)]
    world.script(words[1], ValueError("no"))
    graph = TaskGraph()
    found = graph.map("found", look, over=[{"w": word} for word in words], each={"word": graph.item["w"]},
                      retry={"max_attempts": 1}, tolerate=1)  # fmt: skip
    graph.output(found)
    return ran(graph).job


@part
def in_doubt() -> str:
    word = a_word()
    world.script(word, OSError("reset"))
    state = ran(one(send, word))
    assert state.status == "parked"
    return state.job


@part
def landed_says_a_person() -> str:
    return _resolved("landed", {"sent": True})


@part
def absent_says_a_person_and_made_again() -> str:
    return _resolved("absent", None)


@part
def given_up_by_a_person() -> str:
    return _resolved("fail", None)


def _resolved(verdict: str, result: Any) -> str:
    from ledger.models import Invocation

    job = in_doubt()
    resolve(Invocation.objects.get(job_id=job).id, verdict, result=result, actor=BOB)
    run_until_parked(job)
    return job


@part
def probed_and_found_landed() -> str:
    return _probed(Landed({"n": 1}))


@part
def probed_and_found_absent() -> str:
    return _probed(Absent())


def _probed(answer: Any) -> str:
    word = a_word()
    world.script(word, OSError("reset"))
    world.script(f"probe {word}", answer)
    state = ran(one(probed, word))
    assert state.status == "completed"
    return state.job


@part
def tried_again_with_the_same_key() -> str:
    word = a_word()
    world.script(word, ValueError("one"))
    job = started(one(put, word))
    run_until_parked(job)
    assert after(job, 11).status == "completed"
    return job


@part
def recalled_from_another_job() -> str:
    word = a_word()
    ran(one(pay, word, cents=5))
    state = ran(one(pay, word, cents=5))
    assert state.status == "completed"
    return state.job


@part
def in_conflict_over_a_business_key() -> str:
    word = a_word()
    ran(one(pay, word, cents=5))
    return ran(one(pay, word, cents=6)).job


@part
def landed_but_not_storable() -> str:
    return ran(one(opaque_send, a_word())).job


@part
def with_a_large_body() -> str:
    return ran(one(look, "x" * 100_000 + a_word())).job


@part
def a_parent_with_its_child() -> str:
    graph = TaskGraph()
    graph.output(graph.agent("child", "looker", {"word": a_word()}))
    return ran(graph).job


@part
def of_workflow_nodes() -> str:
    graph = TaskGraph()
    twice = graph.workflow("twice", doubled, x=4)
    graph.workflow("looks", looked, first=a_word(), second=a_word(), after=[twice])
    graph.output(twice)
    return ran(graph).job



@flow
def audited(ctx: Any, goal: dict[str, Any]) -> Any:
    """A bit of everything, and a caught failure."""
    ctx.state["word"] = goal["word"]
    said = [ctx.tool(send, word=goal["word"]), ctx.now().isoformat(), ctx.random(), str(ctx.uuid())]
    said.append(ctx.llm(goal["model"], "hi")["text"])
    arms = ctx.gather(ctx.later.tool(add, a=1), ctx.later.signal("go"), ctx.later.tool(add, a=2))
    try:
        ctx.tool(look, word=goal["word"] + "!")
    except CallFailed as failed:
        said.append(failed.code)
    decision = ctx.approval("Sure?", {"arms": arms}, groups=["finance"])
    ctx.state["approved"] = decision.approved
    return [*said, arms]


@flow
async def audited_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`."""
    ctx.state["word"] = goal["word"]
    said = [await ctx.tool(send, word=goal["word"]), (await ctx.now()).isoformat(), await ctx.random()]
    said.append((await ctx.llm(goal["model"], "hi"))["text"])
    arms = await ctx.gather(ctx.tool(add, a=1), ctx.signal("go"), _nested(ctx, 30))
    decision = await ctx.approval("Sure?", {"arms": arms}, groups=["finance"])
    ctx.state["approved"] = decision.approved
    return [*said, arms]


async def _nested(ctx: Any, calls: int) -> int:
    total = 0
    for _ in range(calls):
        total = await ctx.tool(add, a=total)
    return total


def _waiting_at(name: str, *, ask: bool) -> str:
    model, word = a_word(), a_word()
    register_model(model, Scripted([{"text": "hello", "usage": {"input_tokens": 7, "output_tokens": 3}}]))
    world.script(f"{word}!", *[ValueError("no")] * 3)
    job = asked(name, {"word": word, "model": model})
    assert run_until_parked(job).status == "parked"
    if ask:
        signal(job, "go", {"a": 1}, actor=person())
        run_until_parked(job)
        after(job, 11)
        assert after(job, 21).status == "parked"
    return job


def _done(name: str) -> str:
    job = _waiting_at(name, ask=True)
    approve(job, actor=BOB)
    assert run_until_parked(job).status == "completed"
    return job


@part
def a_workflow_at_a_gather() -> str:
    return _waiting_at("audited", ask=False)


@part
def an_async_workflow_at_a_gather() -> str:
    return _waiting_at("audited_async", ask=False)


@part
def a_workflow_at_an_approval() -> str:
    return _waiting_at("audited", ask=True)


@part
def a_workflow_cancelled_at_an_approval() -> str:
    job = _waiting_at("audited", ask=True)
    cancel(job, actor=person())
    assert run_until_parked(job).status == "cancelled"
    return job


@part
def a_workflow() -> str:
    return _done("audited")


@part
def an_async_workflow() -> str:
    return _done("audited_async")


@flow
def breaks(ctx: Any, goal: Any) -> Any:
    """Call, then fail by itself."""
    raise KeyError(ctx.tool(add, a=1))


@flow
async def breaks_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """Fail by a call that fails."""
    return await ctx.tool(look, word=goal["word"])


@part
def a_workflow_that_raised() -> str:
    job = asked("breaks")
    assert run_until_parked(job).status == "failed"
    return job


@part
def an_async_workflow_whose_call_failed() -> str:
    word = a_word()
    world.script(word, *[ValueError("no")] * 3)
    job = asked("breaks_async", {"word": word})
    run_until_parked(job)
    after(job, 11)
    assert after(job, 21).status == "failed"
    return job


@agent("asks_first")
async def asks_first(ctx: Any, goal: dict[str, Any]) -> TaskGraph:
    """A planner that asks before it draws."""
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=await ctx.tool(add, a=goal["a"])))
    return graph


@agent("plans_alone")
async def plans_alone(goal: dict[str, Any]) -> TaskGraph:
    """An async planner without a ctx."""
    graph = TaskGraph()
    graph.output(graph.tool("sum", add, a=goal["a"]))
    return graph


@part
def of_a_planner_that_asks() -> str:
    job = asked("asks_first", {"a": 1})
    assert run_until_parked(job).output == 3
    return job


@part
def of_an_async_planner() -> str:
    job = asked("plans_alone", {"a": 1})
    assert run_until_parked(job).output == 2
    return job


@part
def with_a_plan_that_was_refused() -> str:
    job = started({"format": 1, "nodes": [{"id": "x", "kind": "tool", "tool": "nobody_has_this"}]})
    assert run_until_parked(job).status == "failed"
    return job


@part
def not_begun() -> str:
    return asked("breaks")
