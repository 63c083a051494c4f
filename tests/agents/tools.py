"""Toy tools of every effect; each counts its calls in the toy world by its `word`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ledger import Absent, Landed, Retry, ToolCall, Unknown, tool
from tests.agents import world

PATIENT = Retry(max_attempts=3, backoff=10, factor=2, jitter=0)


@tool(effect="pure")
def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@tool(effect="pure", retry=PATIENT)
def look(word: str) -> Any:
    """Read something."""
    return world.answer(word, {"word": word, "n": world.did(word)})


@tool(effect="idempotent", retry=PATIENT)
def put(word: str, call: ToolCall) -> Any:
    """Write something; the other side honours our key."""
    world.did(f"{word} {call.idempotency_key}")
    return world.answer(word, {"word": word, "n": world.did(word)})


@tool(retry=PATIENT)
def send(word: str, call: ToolCall) -> Any:
    """Do something that must not be done twice."""
    world.did(f"{word} {call.idempotency_key}")
    return world.answer(word, {"word": word, "n": world.did(word)})


@tool(retry=PATIENT)
def probed(word: str) -> Any:
    """Do something that must not be done twice; one can ask afterwards."""
    return world.answer(word, {"word": word, "n": world.did(word)})


@probed.probe(final=True)
def _probed(call: ToolCall) -> Landed | Absent | Unknown:
    word = call.args["word"]
    world.did(f"probe {word}")
    told: Landed | Absent | Unknown = world.answer(f"probe {word}", Unknown("nobody knows"))
    return told


@tool(retry=PATIENT, key=lambda word, **_: f"pay:{word}")
def pay(word: str, cents: int) -> Any:
    """Pay once per word, whichever job asks."""
    return world.answer(word, {"paid": cents, "n": world.did(word)})


@tool(effect="idempotent")
async def later(word: str, seconds: float = 0.0) -> str:
    """Answer after a while, from the event loop."""
    world.did(word)
    await asyncio.sleep(seconds)
    return word


@tool(effect="idempotent")
def linger(word: str, seconds: float = 0.0) -> str:
    """Answer after a while, in a thread of its own."""
    world.did(word)
    time.sleep(seconds)
    return word


@tool(effect="idempotent")
def between(word: str) -> str:
    """Note when it begins and when it ends."""
    world.did(f"{word}-begin")
    time.sleep(0.3)
    world.did(f"{word}-end")
    return word


@tool(effect="pure", requires=["gpu"])
def draw(word: str) -> str:
    """Needs a worker that offers `gpu`."""
    world.did(word)
    return word


@tool(effect="pure")
def opaque(word: str) -> object:
    """Give back something that cannot be stored."""
    world.did(word)
    return object()


@tool
def opaque_send(word: str) -> object:
    """Do something, and give back something that cannot be stored."""
    world.did(word)
    return object()
