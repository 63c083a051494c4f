"""Agents whose work lasts: one asks the world again when it has waited, one lives on from message to message."""

from __future__ import annotations

from typing import Any

from examples.payments.client import PaymentsClient
from jobs import TaskGraph, agent, workflow
from ledger import ToolCall, tool
from tests.fatal.agents import AGAIN, ORDER, Goal, _made, _paid


@tool(name="fatal.pay_doubted", effect="at_most_once", timeout=60, retry=AGAIN)
def pay_doubted(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay; the service can be asked whether the payment stands."""
    return _paid(order_id, cents, call)


pay_doubted.probe(_made)


@pay_doubted.confirm
def _stands(call: ToolCall, result: Any) -> bool:
    known = PaymentsClient.from_environment(timeout=50).refunds(call.idempotency_key)
    return result in known["refunds"]


@agent("fatal-doubt")
def doubting(goal: Goal) -> TaskGraph:
    """Pay, wait for a word, look whether the payment stands, and pay again."""
    g = TaskGraph()
    first = g.tool("first", goal["tool"], order_id=ORDER, cents=100)
    word = g.wait("word", signal="go", after=[first])
    second = g.tool("second", goal["tool"], order_id=ORDER, cents=200, after=[word])
    g.output([first["id"], second["id"]])
    return g


@workflow(name="fatal-clerk")
def clerk(ctx: Any, goal: Goal) -> list[str]:
    """Pay for each message, and remember every payment."""
    paid = ctx.tool(goal["tool"], order_id=ORDER, cents=100)
    ctx.state["paid"] = [*ctx.state.get("paid", []), paid["id"]]
    return list(ctx.state["paid"])


agent("fatal-clerk")(clerk)
