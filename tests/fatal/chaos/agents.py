"""Agents of the chaos run: every form that a step, a wait or a child can have, around effects that are counted."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from jobs import CallFailed, TaskGraph, agent, workflow
from ledger import ToolCall
from ledger.llm import LLMReply, LLMRequest, register_model
from tests.fatal.chaos import tools

WIDE = 4  # items of a map
PEOPLE: dict[str, Any] = {"groups": ["finance"]}


class Goal(TypedDict):
    """Which order, which tool pays, and a number that varies the rest."""

    order: str
    tool: str
    n: int


def _paid(g: TaskGraph, id: str, goal: Goal, **options: Any) -> Any:
    return g.tool(id, goal["tool"], order=f"{goal['order']}.{id}", cents=100 + goal["n"], **options)


@agent("chaos-branch")
def branching(goal: Goal) -> TaskGraph:
    """Look, pay on one of two sides, write a receipt."""
    g = TaskGraph()
    seen = g.tool("look", tools.look, order=goal["order"])
    much, little = _paid(g, "much", goal), _paid(g, "little", goal)
    g.branch("size", seen > (0 if goal["n"] % 2 else 10**12), then=[much], otherwise=[little])
    g.output(g.tool("receipt", tools.write, text=much["id"].or_(little["id"].or_("none"))))
    return g


@agent("chaos-map")
def mapped(goal: Goal) -> TaskGraph:
    """Pay several orders side by side; one of them may fail."""
    g = TaskGraph()
    orders = [f"{goal['order']}.{index}" for index in range(WIDE)]
    limit = 2 if goal["n"] % 2 else None
    paid = g.map(
        "pay", goal["tool"], over=orders, each={"order": g.item}, concurrency=limit, tolerate=1, cents=7
    )
    g.output({"paid": paid, "receipt": g.tool("receipt", tools.write, text=goal["order"], after=[paid])})
    return g


@agent("chaos-wait")
def waiting(goal: Goal) -> TaskGraph:
    """Pay when somebody gives the word, or after a while without it."""
    g = TaskGraph()
    late = 4 if goal["n"] % 4 == 0 else 3600
    word = g.wait("word", signal="go", deadline=late, on_timeout="continue")
    g.output(_paid(g, "pay", goal, after=[word]))
    return g


@agent("chaos-approval")
def approved(goal: Goal) -> TaskGraph:
    """Ask, then pay or write why not."""
    g = TaskGraph()
    seen = g.tool("look", tools.look, order=goal["order"])
    quorum = 1 + goal["n"] % 2
    ask = g.approval("ask", question="Pay?", show={"cost": seen}, quorum=quorum, deadline="1h", **PEOPLE)
    paid = _paid(g, "pay", goal, after=[ask])
    g.tool("refusal", tools.write, text="refused", when=ask.rejected)
    g.output(paid)
    return g


@agent("chaos-sleep")
def sleeping(goal: Goal) -> TaskGraph:
    """Sleep, pay, sleep, write."""
    g = TaskGraph()
    paid = _paid(g, "pay", goal, after=[g.sleep("before", 0.5 + goal["n"] % 3)])
    g.output(g.tool("receipt", tools.write, text=paid["id"], after=[g.sleep("after", 0.3, after=[paid])]))
    return g


@agent("chaos-family")
def family(goal: Goal) -> TaskGraph:
    """Let two children pay; one of them may be a workflow."""
    g = TaskGraph()
    forms = ("chaos-sleep", "chaos-async") if goal["n"] % 2 else ("chaos-branch", "chaos-plain")
    for index, form in enumerate(forms):
        g.agent(f"child{index}", form, {**goal, "order": f"{goal['order']}.{index}"}, on_error="continue")
    return g


@agent("chaos-failing")
def failing(goal: Goal) -> TaskGraph:
    """Fail while a payment may be under way: the job ends once that is settled."""
    g = TaskGraph()
    _paid(g, "pay", goal)
    g.tool("broken", tools.break_down, text=goal["order"])
    return g


@agent("chaos-shared")
def shared(goal: Goal) -> TaskGraph:
    """Pay an order that other jobs pay too: one of them does, the others recall it."""
    g = TaskGraph()
    order = f"shared-{goal['n'] // 40}"
    paid = g.tool("pay", tools.pay_once, order=order, cents=500)
    g.output(g.tool("receipt", tools.write, text=paid["id"]))
    return g


@agent("chaos-saga")
def saga(goal: Goal) -> TaskGraph:
    """Pay three times, then fail two times of three: what was paid is paid back, the last first."""
    g = TaskGraph()
    paid: list[Any] = []
    for index in range(3):
        order = f"{goal['order']}.{index}"
        paid.append(g.tool(f"pay{index}", tools.pay_back, order=order, cents=50 + index, after=paid[-1:]))
    if goal["n"] % 3:
        g.tool("broken", tools.break_down, text=goal["order"], after=paid[-1:])
    g.output([each["id"] for each in paid])
    return g


@agent("chaos-notes")
def noting(goal: Goal) -> TaskGraph:
    """Pay, and write rows that are committed with their outcome."""
    g = TaskGraph()
    paid = _paid(g, "pay", goal)
    first = g.tool("first", tools.note, order=goal["order"], after=[paid])
    orders = [f"{goal['order']}.{index}" for index in range(2)]
    g.output([first, g.map("more", tools.note, over=orders, each={"order": g.item}, after=[paid])])
    return g


@workflow(name="chaos-talk")
def talking(ctx: Any, goal: Goal) -> int:
    """One message to an agent that lives on: count it, and pay."""
    ctx.state["count"] = ctx.state.get("count", 0) + 1
    ctx.tool(goal["tool"], order=goal["order"], cents=9)
    return int(ctx.state["count"])


@workflow(name="chaos-plain")
def plain(ctx: Any, goal: Goal) -> dict[str, Any]:
    """A `def` workflow: arms side by side, state, readings, a timer."""
    order, cents = goal["order"], 100 + goal["n"]
    ctx.state["begun"] = ctx.now().isoformat()
    seen, paid = ctx.gather(
        ctx.later.tool(tools.look, order=order),
        ctx.later.tool(goal["tool"], order=f"{order}.first", cents=cents),
    )
    ctx.state["seen"] = seen
    if goal["n"] % 3 == 0:
        ctx.sleep(0.4)
    second = ctx.tool(goal["tool"], order=f"{order}.second", cents=cents)
    return {"ids": [paid["id"], second["id"]], "die": ctx.random(), "uuid": str(ctx.uuid())}


@workflow(name="chaos-async")
async def asynchronous(ctx: Any, goal: Goal) -> dict[str, Any]:
    """An `async def` workflow: arms side by side, a signal, a timer, a failure that is caught."""
    order, cents = goal["order"], 100 + goal["n"]
    arms = [ctx.tool(goal["tool"], order=f"{order}.{index}", cents=cents) for index in range(2)]
    paid = await ctx.gather(ctx.sleep(0.3), *arms)
    ctx.state["paid"] = [each["id"] for each in paid[1:]]
    if goal["n"] % 3 == 0:
        await ctx.signal("go", deadline=3600, on_timeout="continue")
    try:
        await ctx.tool(tools.break_down, text=order)
    except CallFailed as failed:
        ctx.state["caught"] = failed.code
    await ctx.tool(tools.pay_async, order=f"{order}.last", cents=cents)
    return {"die": await ctx.random(), "receipt": await ctx.tool(tools.write, text=order)}


@workflow(name="chaos-asking")
async def asking(ctx: Any, goal: Goal) -> dict[str, Any]:
    """Ask a person and start a child, side by side; then pay."""
    child = {**goal, "order": f"{goal['order']}.child"}
    decided, told = await ctx.gather(
        ctx.approval("Pay?", {"order": goal["order"]}, deadline="1h", **PEOPLE),
        ctx.child("chaos-sleep", child),
    )
    if not decided.approved:
        return {"refused": True}
    paid = await ctx.tool(goal["tool"], order=f"{goal['order']}.pay", cents=1)
    return {"paid": paid["id"], "child": told is not None}


class CountedModel:
    """A model whose every answer is an effect that the service counts, and dedupes by its key."""

    name = "counted"

    def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply:
        """Say yes, and be counted."""
        tools.pay_keyed.fn(order=str(request.messages[-1]["content"]), cents=1, call=call)
        return LLMReply(text="yes", model=request.model)


register_model("chaos-model", CountedModel())


@workflow(name="chaos-thinking")
def thinking(ctx: Any, goal: Goal) -> str:
    """Ask a model, then pay."""
    said = ctx.llm(
        "chaos-model", [{"role": "user", "content": f"{goal['order']}.thought"}], timeout=tools.TIMEOUT
    )
    ctx.progress("thought", 0.5)
    return f"{said['text']} {ctx.tool(goal['tool'], order=goal['order'] + '.pay', cents=3)['id']}"


@agent("chaos-planned")
def planned(ctx: Any, goal: Goal) -> TaskGraph:
    """A planner that looks and draws before it plans."""
    seen, drawn = ctx.tool(tools.look, order=goal["order"]), ctx.random()
    g = TaskGraph()
    paid = _paid(g, "pay", goal)
    inner = g.workflow("inner", plain, goal={**goal, "order": f"{goal['order']}.inner"}, after=[paid])
    g.output({"seen": seen, "drawn": drawn, "inner": inner})
    return g


for _flow in (talking, plain, asynchronous, asking, thinking):
    agent(_flow.name)(_flow)
