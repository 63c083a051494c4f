"""Agents whose job fails after it has paid: the payment is paid back, or the job is tried again."""

from __future__ import annotations

from typing import Any

from examples.payments.client import PaymentsClient
from jobs import TaskGraph, agent
from ledger import NotLanded, ToolCall, tool
from tests.fatal.agents import AGAIN, ORDER, Goal, _made, _paid


def _paid_back(call: ToolCall) -> dict[str, Any]:
    """A payment in the other direction, under a key of its own."""
    return _paid(ORDER, 1, call)


@tool(name="fatal.buy", effect="at_most_once", timeout=60, retry=AGAIN)
def buy(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay; what undoes it can be asked no more than the payment."""
    return _paid(order_id, cents, call)


@buy.compensate
def _give_back(call: ToolCall, result: Any) -> dict[str, Any]:
    return _paid_back(call)


@tool(name="fatal.buy_probed", effect="at_most_once", timeout=60, retry=AGAIN)
def buy_probed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay; the service can be asked about the payment, and about what undoes it."""
    return _paid(order_id, cents, call)


buy_probed.probe(_made)


@buy_probed.compensate
def _give_back_probed(call: ToolCall, result: Any) -> dict[str, Any]:
    return _paid_back(call)


_give_back_probed.probe(_made)


@tool(name="fatal.buy_keyed", effect="idempotent", timeout=60, retry=AGAIN)
def buy_keyed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay, and pay back, each under a key that the other side honours."""
    return _paid(order_id, cents, call)


@buy_keyed.compensate(effect="idempotent")
def _give_back_keyed(call: ToolCall, result: Any) -> dict[str, Any]:
    return _paid_back(call)


@tool(name="fatal.refuse", effect="pure")
def refuse(order_id: str) -> None:
    """Find that nothing can come of it."""
    raise NotLanded(f"{PaymentsClient.__name__}: {order_id} is not to be had", permanent=True)


@agent("fatal-fail")
def failing(goal: Goal) -> TaskGraph:
    """Pay, then fail."""
    g = TaskGraph()
    paid = g.tool("pay", goal["tool"], order_id=ORDER, cents=100)
    g.output(g.tool("fail", refuse, order_id=ORDER, after=[paid]))
    return g


@agent("fatal-dither")
def dithering(goal: Goal) -> TaskGraph:
    """Pay, then wait for a word."""
    g = TaskGraph()
    paid = g.tool("pay", goal["tool"], order_id=ORDER, cents=100)
    g.output(g.wait("word", signal="go", after=[paid]))
    return g
