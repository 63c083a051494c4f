"""Moments as text: RFC 3339, UTC, six decimals and `Z`, so that text order is time order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")


def text(moment: datetime) -> str:
    """An aware datetime as event time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse(at: str) -> datetime:
    """The datetime that an event time names."""
    if _FORM.fullmatch(at):  # what `text` writes: read in a tenth of the time
        return datetime.fromisoformat(at)
    return datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def plus(at: str, seconds: float) -> str:
    """The moment `seconds` after `at`."""
    return text(parse(at) + timedelta(seconds=seconds))


def due(deadline: Mapping[str, Any] | None, now: str) -> str | None:
    """A plan's deadline (`{"in": seconds}` from the moment of asking, or `{"at": time}`) as a moment."""
    if deadline is None:
        return None
    return str(deadline["at"]) if "at" in deadline else plus(now, deadline["in"])
