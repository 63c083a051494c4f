"""Transactional tools of the fatal tests: each writes one row of a host's table, under its idempotency key."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from ledger import Retry, ToolCall, tool

AGAIN = Retry(max_attempts=5, backoff=0.05, jitter=0)


@tool(name="fatal.enrol", effect="transactional", retry=AGAIN)
def enrol(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Write one row of a host's table, under the key and a word that no other row has."""
    from django.contrib.auth.models import Group

    return {"id": Group.objects.create(name=f"{call.idempotency_key} {uuid4().hex}").name}


@tool(name="fatal.enrol_slowly", effect="transactional", retry=AGAIN)
def enrol_slowly(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """The same, with the transaction open for a good part of its time."""
    made = enrol(order_id, cents, call)
    time.sleep(0.7)
    return dict(made)


@tool(name="fatal.enrol_held", effect="transactional", retry=AGAIN)
def enrol_held(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """The same; the first attempt stays inside the transaction for as long as its worker is held."""
    made = enrol(order_id, cents, call)
    gate = Path(os.environ["AETHERIS_CRASH_HOLD"])
    if call.attempt == 1:
        gate.with_suffix(".reached").touch()
        while gate.exists():
            time.sleep(0.01)
    return dict(made)
