"""Names, durations and deadlines: the small grammar that every plan is written in."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from ledger.retry import seconds as read_seconds

ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")
PLANNING = "_plan"
COMPENSATION = "_compensate"  # of a call: `_compensate/<path of the call>`
RESERVED = frozenset({PLANNING, COMPENSATION})

# A hundred years. Longer spans overflow the calendar when they are added to a date.
MAX_SECONDS = 36_525 * 86_400.0

_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


class PlanError(ValueError):
    """A plan, or a part of one, that cannot be accepted.

    Attributes: `code`, a snake_case name of the problem, and `node`, the id of the node it is in
    (empty where it is in none).
    """

    def __init__(self, message: str, code: str = "bad_plan", node: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.node = node


def check_id(text: object, what: str) -> str:
    """Return `text` if it is a valid id; `what` names the thing in the error.

    Raises PlanError (`bad_id`) otherwise.
    """
    if isinstance(text, str) and ID.fullmatch(text):
        return str(text)
    raise PlanError(
        f"{clip(text)} is not a valid {what}: use 1 to 120 letters, digits, '_', '.' or '-', "
        "beginning with a letter, a digit or '_'",
        "bad_id",
    )


def check_node_id(text: object) -> str:
    """Return `text` if a node may be called so. Raises PlanError (`bad_id`, `reserved_id`) otherwise."""
    name = check_id(text, "node id")
    if name in RESERVED:
        raise PlanError(f"node id {name!r} is reserved for the runtime: choose another", "reserved_id", name)
    return name


def seconds(duration: object) -> float:
    """Return a duration in seconds.

    Takes a number of seconds, or text such as `250ms`, `30s`, `1.5h`, `3d`. Raises PlanError
    (`bad_duration`) for anything else, and for a negative, infinite or over-long span.
    """
    try:
        span = read_seconds(duration)  # type: ignore[arg-type]  # it refuses every other type
    except ValueError:
        span = math.inf
    if span <= MAX_SECONDS:
        return span
    raise PlanError(
        f"{clip(duration)} is not a duration: use a number of seconds, or text such as '250ms', '30s', "
        "'5m', '2h' or '3d', from zero to a hundred years",
        "bad_duration",
    )


def deadline(value: object) -> dict[str, object]:
    """Return a deadline as `{"in": seconds}` or `{"at": "2030-01-31T12:00:00.000000Z"}`.

    Takes a duration (counted from the moment of asking), an RFC 3339 time with its offset, or a
    deadline that has one of these two forms already. Raises PlanError (`bad_deadline`) otherwise.
    """
    given = value
    if isinstance(value, dict) and len(value) == 1:
        form, given = next(iter(value.items()))
        if form not in ("in", "at") or (form == "at") != _is_moment(given):
            raise _bad_deadline(value)
    if isinstance(given, str) and _is_moment(given):
        return {"at": _moment(given)}
    try:
        return {"in": seconds(given)}
    except PlanError:
        raise _bad_deadline(given) from None


def _is_moment(value: object) -> bool:
    return isinstance(value, str) and _MOMENT.fullmatch(value) is not None


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _bad_deadline(text) from None
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _bad_deadline(value: object) -> PlanError:
    return PlanError(
        f"{clip(value)} is not a deadline: use a duration such as '3d' (counted from the moment of asking), "
        "or an RFC 3339 time with its offset such as '2030-01-31T12:00:00Z'",
        "bad_deadline",
    )


def clip(value: object) -> str:
    """Return a short printed form of any value, for messages."""
    if isinstance(value, str | int | float | bool | None):
        try:
            text = repr(value)
        except ValueError:  # an integer of thousands of digits has no decimal text
            text = "a number of thousands of digits"
        return text if len(text) <= 80 else text[:77] + "..."
    return f"a value of type {type(value).__name__}"
