"""Recorded answers: what a workflow asked under each path, and that it asks the same again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .chain import digest_of
from .state import Asked

READINGS = frozenset({"now", "random", "uuid", "patched", "progress"})


class NonDeterminism(Exception):
    """The function asked something else at a path than it did before; the message names both."""

    def __init__(self, path: str, recorded: str, asked: str) -> None:
        super().__init__(
            f"at path {path} the record has {recorded}, the code asks {asked}: a workflow must ask the same "
            'in every run; give changed code a new version, or guard it with ctx.patched("…")'
        )
        self.path, self.recorded, self.asked = path, recorded, asked


class OutsideWorld(Exception):
    """A planner or workflow reached for something outside its record, where that is closed to it.

    Args:
        asked: what it reached for, such as `the clock (time.time)`.
        place: the line of its code; empty where no line did it.
        instead: what to write.
    """

    code = "outside_world"

    def __init__(self, asked: str, place: str = "", instead: str = "ask through ctx") -> None:
        where = f" at {place}" if place else ""
        super().__init__(
            f"{asked}{where} is closed to planners and workflows, which run again from their first line: {instead} "
            "(step contract)"
        )
        self.asked, self.place = asked, place


class CallFailed(Exception):
    """A call, wait or child of a workflow ended without a result; `error` says why."""

    def __init__(self, path: str, error: Mapping[str, Any]) -> None:
        super().__init__(f"{path}: {error.get('message') or error.get('code')}")
        self.path, self.error = path, dict(error)

    @property
    def code(self) -> str:
        return str(self.error.get("code", "failed"))


class TimedOut(CallFailed):
    """A wait's deadline passed."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a workflow asks at a path, before it is known whether it was asked before."""

    path: str
    kind: str
    name: str
    args: Any
    spec: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return "" if self.kind in READINGS else digest_of(self.args)


def compare(wish: Wish, asked: Asked) -> None:
    """Refuse another question than the recorded one.

    Raises:
        NonDeterminism: kind, name or arguments differ.
    """
    if (asked.kind, asked.name, asked.digest) == (wish.kind, wish.name, wish.digest):
        return
    same = (asked.kind, asked.name) == (wish.kind, wish.name)
    raise NonDeterminism(
        wish.path,
        f"{asked.kind} {asked.name}".strip() + (f" with arguments {_short(asked.digest)}" if same else ""),
        f"{wish.kind} {wish.name}".strip() + (f" with arguments {_short(wish.digest)}" if same else ""),
    )


def _short(digest: str) -> str:
    return digest[:12] or "none"


def outcome(asked: Asked) -> Any:
    """The answer of a settled question.

    Raises:
        CallFailed: it ended without a result.
    """
    if asked.status == "failed":
        error = dict(asked.error or {"code": "failed", "message": "it failed"})
        raise (TimedOut if error.get("code") == "timed_out" else CallFailed)(asked.path, error)
    return asked.value
