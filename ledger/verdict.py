"""From what the book says of a business key: invoke, recall, doubt or conflict. Pure (Law E2)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """The line that holds a business key."""

    invocation: str
    job: str
    state: str
    args_digest: str
    result: str | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Invoke:
    """Nothing stands against the call."""


@dataclass(frozen=True, slots=True)
class Recall:
    """It has landed before: take that result."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Doubt:
    """Another call is under way, or nobody knows how it ended: wait for its settlement."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Conflict:
    """The key was used for other arguments: nothing is called."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Undone:
    """The effect under this key was compensated, or given up without anybody knowing of it: it is not done again."""

    entry: Entry


Verdict = Invoke | Recall | Doubt | Conflict | Undone


def verdict(holder: Entry | None, *, invocation: str, args_digest: str) -> Verdict:
    """What the second use of a business key gets.

    Args:
        holder: the line that holds the key, if one does.
        invocation: the line that wants it; its own hold does not stand against it.
        args_digest: digest of the arguments it wants to send.
    """
    if holder is None or holder.invocation == invocation:
        return Invoke()
    if holder.args_digest != args_digest:
        return Conflict(holder)
    if holder.state == "landed":
        return Recall(holder)
    if holder.state in ("compensated", "given_up"):
        return Undone(holder)
    return Doubt(holder)
