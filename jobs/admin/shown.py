"""How things are worded and formatted on the pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.core.ids import compensates
from jobs.core.moments import parse
from jobs.core.state import PLAN_STEP
from ledger.admin import pretty, utc

FOLD = 1_500  # characters above which a part of a page starts folded
CLIP = 64 * 1024  # characters above which it is only begun, with a link to the whole
GOOD = frozenset({"idle", "whole", "completed", "approved", "landed", "recalled", "alive", "done", "granted"})
BAD = frozenset(
    {
        "broken",
        "failed",
        "rejected",
        "unknown",
        "dead",
        "given up",
        "given_up",
        "cancelled",
        "refused",
        "critical",
        "high",
    }
)
BUSY = frozenset(
    {"waiting", "queued", "running", "open", "parked", "paused", "pending", "ready", "backoff", "draining"}
)


@dataclass(frozen=True)
class Part:
    """A stored JSON text as a part of a page.

    Args:
        name: what it is.
        text: its text, indented; or its beginning, if `clipped`.
        folded: whether it starts folded, because it is long.
        clipped: whether there is more than is shown.
        size: characters of the stored text.
    """

    name: str
    text: str
    folded: bool = False
    clipped: bool = False
    size: int = 0


def part(name: str, start: str, size: int) -> Part:
    """A stored text, given its beginning and its size."""
    if len(start) < size:
        return Part(name, start, folded=True, clipped=True, size=size)
    return Part(name, pretty(start), folded=size > FOLD, size=size)


def whole(name: str, value: Any) -> Part:
    """A value that is shown in full."""
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return Part(name, text, size=len(text))


def short(job: UUID | str | None) -> str:
    """A job's id as a list shows it: the end, for the beginning is the time."""
    return f"…{str(job)[-12:]}" if job else "–"


def badge(state: str) -> SafeString:
    """A state as a coloured word; the colour only repeats what the word says."""
    tone = "good" if state in GOOD else "bad" if state in BAD else "busy" if state in BUSY else "quiet"
    return format_html('<span class="aetheris-badge aetheris-{}">{}</span>', tone, state.replace("_", " "))


def moment(at: str | None) -> str:
    """An event's time as people read it, to the millisecond."""
    return parse(at).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC" if at else "–"


def deadline(at: str | None) -> str:
    """A wait's deadline in words; empty for none."""
    return f", until {utc(parse(at))}" if at else ""


_WAITS = {
    "signal": "a signal named {name}: somebody sends it",
    "message": "a message on channel {name}: somebody sends it",
    "approval": "an approval: somebody it asks decides",
    "timer": "a timer: the sweep fires it",
    "child": "child job of {name}: its end is delivered",
    "effect": "the settlement of call {name}, which holds the same business key",
    "unknown_outcome": "the outcome of call {name}: a probe or a person says what became of it",
    "world": "effect {name}: the world is to show it; confirm it again, or accept that it is gone",
    "version": "a worker that offers {name}",
    "capability": "a worker with {name}",
    "budget": "its budget {name}",
    "limit": "its limit {name}",
    "agent": "its turn at agent instance {name}, which the end of the message before it gives",
}


def wait_words(entry: Mapping[str, Any]) -> str:
    """What one entry of `parked_on` waits for, and what will wake it."""
    words = _WAITS.get(entry["kind"], f"{entry['kind']} {{name}}")
    return words.format(name=entry.get("name") or "–") + deadline(entry.get("deadline"))


def step_name(node: str) -> str:
    """A step as people call it."""
    if compensates(node):
        return f"undo {node.partition('/')[2]}"
    return "planning" if node in ("", PLAN_STEP) else node


def wait_brief(parked_on: str) -> str:
    """What a job waits for, in a table's cell."""
    waits = json.loads(parked_on)
    words = [f"{entry['kind'].replace('_', ' ')} at {step_name(entry['node'])}" for entry in waits[:3]]
    return ", ".join(words) + (f" and {len(waits) - 3} more" if len(waits) > 3 else "")


def who(actor: Mapping[str, Any] | None) -> str:
    """An actor of an event by name; the deadline where there was none."""
    return str(actor["name"]) if actor else "the deadline or the job's end"
