"""Pages of a search: the newest first, by keys and not by counting, so that rows which come meanwhile move nothing."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobs.core.chain import digest_of
from jobs.core.moments import parse, text

from ..asking import refuse
from .lanes import TARGETS, Key, merged
from .plans import lanes_of
from .question import Question

PAGE, LARGEST = 50, 200


@dataclass(frozen=True)
class Page:
    """Keys of one page, and the cursors of its neighbours; None where there is none."""

    keys: list[Key]
    next: str | None
    previous: str | None


def page_of(question: Question, cursor: str | None = None, limit: int = PAGE) -> Page:
    """One page of what a search finds.

    Args:
        question: the search.
        cursor: where the page begins, as an earlier page of the same search named it.
        limit: how many rows, 200 at most.

    Raises:
        Invalid: the cursor is none of this search, or the search would have to read too much.
    """
    forward, place = _read(question, cursor)
    limit = max(1, min(limit, LARGEST))
    found = merged(lanes_of(question), place, limit + 1, forward=forward)
    more, keys = len(found) > limit, found[:limit]
    if not forward:
        keys.reverse()
    if not keys:
        return Page([], None, None)
    later = _cursor(question, "n", keys[-1]) if more or not forward else None
    earlier = _cursor(question, "p", keys[0]) if (place is not None if forward else more) else None
    return Page(keys, later, earlier)


def _cursor(question: Question, way: str, key: Key) -> str:
    told = json.dumps([way, _mark(question), *map(_written, key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(told.encode()).decode().rstrip("=")


def _mark(question: Question) -> str:
    """What binds a cursor to its search; times before now move with every page, so they are left out."""
    kept = {name: value for name, value in question.given.items() if name not in ("since", "until")}
    return digest_of([question.of, question.tenant, kept])[:12]


def _written(part: Any) -> Any:
    if isinstance(part, datetime):
        return text(part)
    return str(part) if isinstance(part, UUID) else part


def _read(question: Question, cursor: str | None) -> tuple[bool, Key | None]:
    if not cursor:
        return True, None
    try:
        way, mark, *parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if way not in ("n", "p") or mark != _mark(question):
            raise ValueError("of another search")
        return way == "n", _key(question.of, parts)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise refuse("cursor", "none of this search; begin again without it", code="invalid_cursor") from None


def _key(of: str, parts: Sequence[Any]) -> Key:
    names = TARGETS[of].key
    if len(parts) != len(names) or not isinstance(parts[0], str):
        raise ValueError("not a key")
    moment: Any = parse(parts[0])
    if of == "events":
        return (parts[0], UUID(parts[1]), int(parts[2]))
    return (moment, UUID(parts[1]))
