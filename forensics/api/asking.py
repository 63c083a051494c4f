"""Parameters that several forensic questions take: moments, ids, words of a closed set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter

from jobs import clock
from jobs.core.errors import Invalid
from jobs.core.moments import text
from jobs.core.names import PlanError, seconds

SINCE = OpenApiParameter("since", str, description="RFC 3339 time, or a duration such as 24h: so long ago.")
UNTIL = OpenApiParameter(
    "until", str, description="RFC 3339 time, or a duration ago; what happened then is not in."
)


def refuse(name: str, message: str, code: str = "invalid") -> Invalid:
    """The refusal of one parameter."""
    return Invalid(f"{name}: {message}", code=code, errors=[{"loc": [name], "msg": message}])


def moment(query: Any, name: str) -> str | None:
    """A moment of the query as event time: RFC 3339, or a duration before now.

    Raises:
        Invalid: it is neither.
    """
    given = query.get(name)
    if given is None:
        return None
    try:
        return text(datetime.fromisoformat(given).astimezone(UTC)) if "T" in given else _ago(given)
    except (ValueError, OverflowError, PlanError):
        raise refuse(
            name, f"{given[:40]!r} is no RFC 3339 time and no duration such as 30m, 24h, 7d"
        ) from None


def _ago(given: str) -> str:
    return text(clock.now() - timedelta(seconds=seconds(given)))


def uuid(query: Any, name: str) -> str | None:
    """An id of the query.

    Raises:
        Invalid: it is none.
    """
    given = query.get(name)
    if given is None:
        return None
    try:
        return str(UUID(given))
    except ValueError:
        raise refuse(name, f"{given[:40]!r} is no id") from None


def word(query: Any, name: str, known: Sequence[str]) -> str | None:
    """A word of a closed set.

    Raises:
        Invalid: it is none of it.
    """
    given: str | None = query.get(name)
    if given is not None and given not in known:
        raise refuse(name, f"{given[:40]!r} is none of {', '.join(known)}")
    return given
