"""Values that forensic questions take, read and refused by name: moments, ids, words of a closed set."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobs import clock
from jobs.core.errors import Invalid
from jobs.core.moments import text
from jobs.core.names import PlanError, seconds

Given = Mapping[str, str]


def refuse(name: str, message: str, code: str = "invalid") -> Invalid:
    """The refusal of one parameter."""
    return Invalid(f"{name}: {message}", code=code, errors=[{"loc": [name], "msg": message}])


def moment(given: Given, name: str) -> str | None:
    """A moment as event time: RFC 3339, or a duration before now.

    Raises:
        Invalid: it is neither.
    """
    told = given.get(name)
    if told is None:
        return None
    try:
        return text(_read(told) if "T" in told.upper() else clock.now() - timedelta(seconds=seconds(told)))
    except (ValueError, OverflowError, PlanError):
        message = f"{told[:40]!r} is no RFC 3339 time with its offset and no duration such as 30m, 24h, 7d"
        raise refuse(name, message) from None


def _read(told: str) -> datetime:
    found = datetime.fromisoformat(told.upper())
    if found.tzinfo is None:
        raise ValueError("without its offset it is no moment")
    return found.astimezone(UTC)


def uuid(given: Given, name: str) -> str | None:
    """An id.

    Raises:
        Invalid: it is none.
    """
    told = given.get(name)
    if told is None:
        return None
    try:
        return str(UUID(told))
    except ValueError:
        raise refuse(name, f"{told[:40]!r} is no id") from None


def word(given: Given, name: str, known: Collection[str]) -> str | None:
    """A word of a closed set.

    Raises:
        Invalid: it is none of it.
    """
    told = given.get(name)
    if told is not None and told not in known:
        raise refuse(name, f"{told[:40]!r} is none of {', '.join(known)}")
    return told
