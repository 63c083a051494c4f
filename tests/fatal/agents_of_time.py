"""Agents of the tests about time: a call that is given up within a second, and one that is tried again after a while."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from examples.payments.client import PaymentsClient, PaymentsError
from jobs import TaskGraph, agent
from ledger import NotLanded, Retry, ToolCall, tool
from tests.fatal.agents import ORDER, Goal

CALMLY = Retry(max_attempts=3, backoff=2, factor=2, jitter=0.5)


@tool(name="fatal.pay_hastily", effect="at_most_once", timeout=1)
def pay_hastily(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay within a second, without listening to who gives the call up; nobody can be asked afterwards."""
    return PaymentsClient.from_environment(timeout=50).refund(order_id, cents, key=call.idempotency_key)


@tool(name="fatal.pay_calmly", effect="at_most_once", retry=CALMLY)
def pay_calmly(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay, if the order can be read; else certainly not, and again later."""
    service = PaymentsClient.from_environment(timeout=50)
    try:
        service.order(order_id)
    except PaymentsError as error:
        raise NotLanded(str(error)) from error
    return service.refund(order_id, cents, key=call.idempotency_key)


@agent("fatal-timed")
def timed(goal: Goal) -> TaskGraph:
    """Pay with one of them."""
    g = TaskGraph()
    g.output(g.tool("pay", goal["tool"], order_id=ORDER, cents=100))
    return g


class Asked(TypedDict):
    """What the deadline decides."""

    then: str


@agent("fatal-ask-soon")
def asking_soon(goal: Asked) -> TaskGraph:
    """Ask with a deadline that passes within a test."""
    g = TaskGraph()
    asked = g.approval(
        "ask", "Pay?", groups=["finance"], deadline="3s", on_timeout=goal["then"], escalate_to=["heads"]
    )
    g.output(g.tool("pay", "fatal.pay_calmly", order_id=ORDER, cents=100, after=[asked]))
    return g
