"""Agents of the fatal tests whose payments are taken back when their job fails."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from examples.payments.client import PaymentsClient
from jobs import TaskGraph, agent
from ledger import Absent, Landed, NotLanded, Retry, ToolCall, Unknown, tool
from tests.fatal.agents import AGAIN, ORDER, Goal


def _paid(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    return PaymentsClient.from_environment(timeout=50).refund(order_id, cents, key=call.idempotency_key)


@tool(name="fatal.pay_back", effect="at_most_once", timeout=60, retry=AGAIN)
def pay_back(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; what takes it back must not happen twice, and nobody can be asked of it."""
    return _paid(order_id, cents, call)


@pay_back.compensate
def _take_back(call: ToolCall, result: Any) -> dict[str, Any]:
    return PaymentsClient.from_environment(timeout=50).reverse(result["id"], key=call.idempotency_key)


@tool(name="fatal.pay_back_probed", effect="at_most_once", timeout=60, retry=AGAIN)
def pay_back_probed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """The same, and the service can be asked whether it has taken it back."""
    return _paid(order_id, cents, call)


@pay_back_probed.compensate
def take_back_probed(call: ToolCall, result: Any) -> dict[str, Any]:
    """Take it back."""
    return PaymentsClient.from_environment(timeout=50).reverse(result["id"], key=call.idempotency_key)


@take_back_probed.probe
def _taken_back(call: ToolCall) -> Landed | Absent | Unknown:
    known = PaymentsClient.from_environment(timeout=8).refunds(call.idempotency_key)
    if known["reversals"]:
        return Landed(known["reversals"][0])
    return Unknown("a call is in flight") if known["in_flight"] else Absent()


@tool(name="fatal.pay_back_keyed", effect="at_most_once", timeout=60, retry=AGAIN)
def pay_back_keyed(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """The same, and the service honours the key of what takes it back."""
    return _paid(order_id, cents, call)


@pay_back_keyed.compensate(effect="idempotent", retry=AGAIN)
def _take_back_keyed(call: ToolCall, result: Any) -> dict[str, Any]:
    client = PaymentsClient.from_environment(timeout=50)
    return client.reverse(result["id"], key=call.idempotency_key, honour_key=True)


@tool(name="fatal.stumble", effect="pure", retry=Retry(max_attempts=1))
def stumble(refund: str) -> None:
    """Fail."""
    raise ValueError(f"refund {refund} was a mistake")


@tool(name="fatal.patient", effect="at_most_once", timeout=60)
def patient(call: ToolCall) -> None:
    """Wait a minute for something, or until nobody wants it any more; then it certainly has not happened."""
    for _ in range(600):
        if call.cancelled():
            raise NotLanded("called off")
        time.sleep(0.1)


@tool(name="fatal.patient_async", effect="idempotent", timeout=60)
async def patient_async() -> None:
    """The same on the event loop."""
    await asyncio.sleep(60)


@agent("fatal-patient")
def waiting_long(goal: Goal) -> TaskGraph:
    """Pay, then wait a minute, then pay again."""
    g = TaskGraph()
    first = g.tool("first", pay_back_keyed, order_id=ORDER, cents=100)
    long = g.tool("long", goal["tool"], after=[first])
    g.tool("never", pay_back_keyed, order_id=ORDER, cents=200, after=[long])
    return g


@agent("fatal-saga")
def saga(goal: Goal) -> TaskGraph:
    """Pay twice, then fail."""
    g = TaskGraph()
    first = g.tool("first", goal["tool"], order_id=ORDER, cents=100)
    second = g.tool("second", goal["tool"], order_id=ORDER, cents=200, after=[first])
    g.tool("end", stumble, refund=second["id"])
    return g
