"""Toy transactional tools: they write a row of Django's own `auth_group`, which is anybody's table to the runtime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import Group

from ledger import Retry, ToolCall, tool
from tests.agents import world


@tool(effect="transactional", retry=Retry(max_attempts=3, backoff=10, factor=2, jitter=0))
def enrol(word: str, call: ToolCall) -> Any:
    """Write one row, then do what the script says."""
    world.did(f"{word} {call.idempotency_key}")
    row = Group.objects.create(name=f"{word} {world.did(word)}")
    return world.answer(word, {"row": row.name, "attempt": call.attempt})


@tool(effect="transactional", key=lambda word, **_: f"enrol:{word}")
def enrol_once(word: str, n: int = 0) -> Any:
    """Write one row per word, whichever job asks."""
    Group.objects.create(name=f"{word} {world.did(word)}")
    return world.answer(word, {"n": n})


def rows(word: str) -> list[str]:
    """The rows that are there under a word."""
    found = Group.objects.filter(name__startswith=f"{word} ").order_by("id")
    return list(found.values_list("name", flat=True))


@contextmanager
def doing(word: str, work: Callable[[ToolCall], Any]) -> Iterator[None]:
    """What the tool `scripted` does under this word."""
    WORK[word] = work
    try:
        yield
    finally:
        del WORK[word]


WORK: dict[str, Callable[[ToolCall], Any]] = {}


@tool(effect="transactional", retry=Retry(max_attempts=2, backoff=10, jitter=0))
def scripted(word: str, call: ToolCall) -> Any:
    """Write one row, then do what a test says."""
    Group.objects.create(name=f"{word} {world.did(word)}")
    return WORK[word](call)
