"""Tools of the chaos run: blind, probed, idempotent, keyed, asynchronous, and those that only read."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.db import connection

from examples.payments.client import NotSent, PaymentsClient, PaymentsError
from ledger import Absent, Landed, NotLanded, Retry, ToolCall, Unknown, tool
from tests.fatal.chaos import moods

TIMEOUT = 2.0
NOTES = "chaos_notes"  # a table of the run's own
AGAIN = Retry(max_attempts=8, backoff=0.05, factor=1.5, jitter=0)


def _client() -> PaymentsClient:
    return PaymentsClient.from_environment(timeout=12)


def _pay(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    if moods.refused(int(os.environ[moods.SEED]), order, call.attempt):
        raise NotLanded(f"order {order} is closed for the moment")
    try:
        return _client().refund(order, cents, key=call.idempotency_key)
    except NotSent as unreachable:
        raise NotLanded(str(unreachable)) from unreachable


@tool(name="chaos.pay_blind", effect="at_most_once", timeout=TIMEOUT, retry=AGAIN)
def pay_blind(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; nobody can be asked afterwards."""
    return _pay(order, cents, call)


@tool(name="chaos.pay_probed", effect="at_most_once", timeout=TIMEOUT, retry=AGAIN)
def pay_probed(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once; the service can be asked what it did."""
    return _pay(order, cents, call)


@tool(name="chaos.pay_async", effect="at_most_once", timeout=TIMEOUT, retry=AGAIN)
async def pay_async(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay once, from the event loop; the service can be asked what it did."""
    return await asyncio.to_thread(_pay, order, cents, call)


@tool(
    name="chaos.pay_once", effect="at_most_once", timeout=TIMEOUT, retry=AGAIN, key=lambda order, **_: order
)
def pay_once(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay an order once, whichever job asks; the service can be asked what it did."""
    return _pay(order, cents, call)


@tool(name="chaos.pay_back", effect="at_most_once", timeout=TIMEOUT, retry=AGAIN)
def pay_back(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay, and pay back if the job ends badly; the service can be asked what it did."""
    return _pay(order, cents, call)


@pay_back.compensate
def _paid_back(call: ToolCall, result: dict[str, Any]) -> dict[str, Any]:
    return _pay(f"{result['order_id']}.back", result["cents"], call)


@pay_async.probe
@pay_back.probe
@_paid_back.probe
@pay_once.probe
@pay_probed.probe
def _made(call: ToolCall) -> Landed | Absent | Unknown:
    try:
        known = _client().refunds(call.idempotency_key)
    except PaymentsError as silent:
        return Unknown(str(silent))
    if known["refunds"]:
        return Landed(known["refunds"][0])
    return Unknown("a call is in flight") if known["in_flight"] else Absent()


@tool(name="chaos.pay_keyed", effect="idempotent", timeout=TIMEOUT, retry=AGAIN)
def pay_keyed(order: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay under a key that the other side honours."""
    return _pay(f"K-{order}", cents, call)


@tool(name="chaos.note", effect="transactional", retry=AGAIN)
def note(order: str, call: ToolCall) -> str:
    """Write a row beside the job's own; now and then fail after it was written, so that it is rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {NOTES} (key, word) VALUES (%s, %s)", [call.idempotency_key, order])  # noqa: S608
    if moods.refused(int(os.environ[moods.SEED]), f"note {order}", call.attempt):
        raise RuntimeError("the note is torn up")
    return order


@tool(name="chaos.look", effect="pure", timeout=TIMEOUT, retry=AGAIN)
def look(order: str) -> int:
    """What an order cost."""
    return int(_client().order(order)["cents"])


@tool(name="chaos.write", effect="pure", timeout=TIMEOUT, retry=AGAIN)
async def write(text: str) -> str:
    """A receipt."""
    return f"receipt: {text}"


@tool(name="chaos.break_down", effect="pure", timeout=TIMEOUT, retry=Retry(max_attempts=2, backoff=0.05))
def break_down(text: str) -> str:
    """Fail, whenever it is asked."""
    raise RuntimeError(f"{text} never works")
