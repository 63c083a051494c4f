"""Agents of the fatal tests: one payment each, made inside every form that a step can have."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from typing_extensions import TypedDict

from examples.payments.client import PaymentsClient, PaymentsError
from jobs import TaskGraph, agent, workflow
from ledger import Absent, Landed, Retry, ToolCall, Unknown, tool
from ledger.llm import LLMReply, LLMRequest, register_model
from tests.fatal import enrolment  # noqa: F401 - registers its tools

ORDER = "A-1001"
ITEMS = [101, 102, 103]
HANDS = ThreadPoolExecutor(64)  # for async tools, whose client is a plain one
AGAIN = Retry(max_attempts=5, backoff=0.05, jitter=0)


class Goal(TypedDict):
    """The tool that pays."""

    tool: str


def _paid(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    return PaymentsClient.from_environment(timeout=50).refund(order_id, cents, key=call.idempotency_key)


@tool(name="fatal.pay", effect="at_most_once", timeout=60, retry=AGAIN)
def pay(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; nobody can be asked afterwards."""
    return _paid(order_id, cents, call)


@tool(name="fatal.pay_probed", effect="at_most_once", timeout=60, retry=AGAIN)
def pay_probed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; the service can be asked what it did."""
    return _paid(order_id, cents, call)


@tool(name="fatal.pay_briefly", effect="at_most_once", timeout=1, retry=AGAIN)
def pay_briefly(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once within a second, so that its deadline passes within a test; the service can be asked."""
    return _paid(order_id, cents, call)


@pay_briefly.probe
@pay_probed.probe
def _made(call: ToolCall) -> Landed | Absent | Unknown:
    try:
        known = PaymentsClient.from_environment(timeout=8).refunds(call.idempotency_key)
    except PaymentsError as silent:
        return Unknown(str(silent))
    if known["refunds"]:
        return Landed(known["refunds"][0])
    return Unknown("a call is in flight") if known["in_flight"] else Absent()


@tool(name="fatal.pay_confirmed", effect="idempotent", timeout=60, retry=AGAIN)
def pay_confirmed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; whether it stands can be asked later."""
    return _paid(order_id, cents, call)


@pay_confirmed.confirm
def _stands(call: ToolCall, result: dict[str, Any]) -> bool:
    known = PaymentsClient.from_environment(timeout=8).refunds(call.idempotency_key)
    return result["id"] in [refund["id"] for refund in known["refunds"]]


@tool(name="fatal.pay_async", effect="at_most_once", timeout=60, retry=AGAIN)
async def pay_async(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once, from the event loop."""
    return await asyncio.get_running_loop().run_in_executor(HANDS, _paid, order_id, cents, call)


@tool(name="fatal.pay_keyed", effect="idempotent", timeout=60, retry=AGAIN)
def pay_keyed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay under a key that the other side is said to honour."""
    return _paid(order_id, cents, call)


@tool(name="fatal.receipt", effect="pure", timeout=10, retry=AGAIN)
def receipt(refund: str) -> str:
    """The number of a refund, in words."""
    return f"refund {refund}"


@tool(name="fatal.look", effect="pure", timeout=60, retry=AGAIN)
def look() -> int:
    """What the order cost."""
    return int(PaymentsClient.from_environment(timeout=50).order(ORDER)["cents"])


@tool(name="fatal.see", effect="pure", timeout=60, retry=AGAIN)
def see(order_id: str, cents: int) -> dict[str, Any]:
    """Look at an order; takes what a payment takes, so that it stands in its place."""
    return PaymentsClient.from_environment(timeout=50).order(order_id)


@tool(name="fatal.pay_in_the_vault", effect="at_most_once", timeout=60, requires=("vault",))
def pay_in_the_vault(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay, where a worker has the vault."""
    return _paid(order_id, cents, call)


@tool(name="fatal.together", effect="pure", timeout=10, retry=AGAIN)
def together(first: str, second: str, third: str) -> list[str]:
    """Three numbers of refunds."""
    return [first, second, third]


@agent("fatal-look")
def looked(goal: Goal) -> TaskGraph:
    """Look, without any effect."""
    g = TaskGraph()
    g.output(g.tool("look", look))
    return g


@workflow(name="fatal-looking")
async def looking(ctx: Any, goal: Goal) -> int:
    """The same in a workflow."""
    return int(await ctx.tool(look))


@agent("fatal-graph")
def graph(goal: Goal) -> TaskGraph:
    """Pay, then write a receipt."""
    g = TaskGraph()
    paid = g.tool("pay", goal["tool"], order_id=ORDER, cents=100)
    g.output(g.tool("receipt", receipt, refund=paid["id"]))
    return g


@workflow(name="fatal-def")
def plain(ctx: Any, goal: Goal) -> str:
    """The same in a `def` workflow."""
    paid = ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    return str(ctx.tool(receipt, refund=paid["id"]))


@workflow(name="fatal-abreast")
def abreast(ctx: Any, goal: Goal) -> int:
    """Pay many times side by side, each in a thread."""
    paid = ctx.gather(*(ctx.later.tool(goal["tool"], order_id=ORDER, cents=100) for _ in range(8)))
    return len(paid)


@workflow(name="fatal-async")
async def asynchronous(ctx: Any, goal: Goal) -> str:
    """The same in an `async def` workflow."""
    paid = await ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    return str(await ctx.tool(receipt, refund=paid["id"]))


@agent("fatal-map")
def mapped(goal: Goal) -> TaskGraph:
    """Pay several times, side by side."""
    g = TaskGraph()
    g.output(g.map("pay", goal["tool"], over=ITEMS, each={"order_id": ORDER, "cents": g.item}))
    return g


@agent("fatal-child")
def parent(goal: Goal) -> TaskGraph:
    """Let a child job pay."""
    g = TaskGraph()
    g.output(g.agent("child", "fatal-graph", goal))
    return g


@agent("fatal-confirm")
def confirmed(goal: Goal) -> TaskGraph:
    """Pay, and write the receipt when somebody gives the word."""
    g = TaskGraph()
    paid = g.tool("pay", "fatal.pay_confirmed", order_id=ORDER, cents=100)
    word = g.wait("word", signal="go", after=[paid])
    g.output(g.tool("receipt", receipt, refund=paid["id"], after=[word]))
    return g


@agent("fatal-wait")
def waiting(goal: Goal) -> TaskGraph:
    """Pay when somebody gives the word."""
    g = TaskGraph()
    word = g.wait("word", signal="go")
    g.output(g.tool("pay", goal["tool"], order_id=ORDER, cents=100, after=[word]))
    return g


@agent("fatal-branches")
def branches(goal: Goal) -> TaskGraph:
    """Pay three times in branches that know nothing of each other, then bring them together."""
    g = TaskGraph()
    first, second, third = (g.tool(f"pay{n}", goal["tool"], order_id=ORDER, cents=n) for n in ITEMS)
    g.output(g.tool("all", together, first=first["id"], second=second["id"], third=third["id"]))
    return g


@workflow(name="fatal-gather")
async def gathered(ctx: Any, goal: Goal) -> list[str]:
    """The same in the arms of a gather."""
    paid = await ctx.gather(*[ctx.tool(goal["tool"], order_id=ORDER, cents=n) for n in ITEMS])
    return [each["id"] for each in paid]


@workflow(name="fatal-hearing")
async def hearing(ctx: Any, goal: Goal) -> str:
    """Wait for a word in a workflow, then pay."""
    await ctx.signal("go")
    paid = await ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    return str(paid["id"])


@agent("fatal-ask")
def asking(goal: Goal) -> TaskGraph:
    """Pay if somebody agrees."""
    g = TaskGraph()
    asked = g.approval("ask", "Pay?", groups=["finance"], deadline="2m")
    g.output(g.tool("pay", goal["tool"], order_id=ORDER, cents=100, after=[asked]))
    return g


@agent("fatal-sleep")
def sleeping(goal: Goal) -> TaskGraph:
    """Pay after a while."""
    g = TaskGraph()
    slept = g.sleep("sleep", 3)
    g.output(g.tool("pay", goal["tool"], order_id=ORDER, cents=100, after=[slept]))
    return g


@workflow(name="fatal-desk")
def desk(ctx: Any, goal: dict[str, Any]) -> list[str]:
    """An agent that lives on: pay, and keep the word of the message."""
    ctx.tool(goal["tool"], order_id=ORDER, cents=goal.get("cents", 100))
    ctx.state["heard"] = [*ctx.state.get("heard", []), goal["word"]]
    if goal.get("forward"):
        ctx.send(goal["forward"], {"tool": goal["tool"], "word": goal["word"]})
    return list(ctx.state["heard"])


class CountedModel:
    """A model whose every answer is an effect that the service counts."""

    name = "counted"

    def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply:
        """Say yes, and be counted."""
        _paid(ORDER, 1, call)
        return LLMReply(text="yes", model=request.model)


register_model("fatal-model", CountedModel())


@workflow(name="fatal-thinking")
def thinking(ctx: Any, goal: Goal) -> dict[str, Any]:
    """Ask a model, read clock and die, pay."""
    said = ctx.llm("fatal-model", [{"role": "user", "content": "pay?"}])
    ctx.state["at"] = ctx.now().isoformat()
    paid = ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    return {"said": said["text"], "die": ctx.random(), "cents": paid["cents"]}


@agent("fatal-nap")
def napping(goal: Goal) -> TaskGraph:
    """Pay after a nap."""
    g = TaskGraph()
    nap = g.sleep("nap", 0.3)
    g.output(g.tool("pay", goal["tool"], order_id=ORDER, cents=100, after=[nap])["id"])
    return g


agent("fatal-looking")(looking)
agent("fatal-desk")(desk)
agent("fatal-thinking")(thinking)
agent("fatal-abreast")(abreast)
agent("fatal-def")(plain)
agent("fatal-async")(asynchronous)
agent("fatal-gather")(gathered)
agent("fatal-hearing")(hearing)
