"""Finding: candidates of every pattern, and which of two that overlap stays."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .patterns import BY_NAME, KINDS, PATTERNS

LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """Personal data at `text[start:end]`; `confidence` from 0 to 1."""

    kind: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Place:
    """A finding inside a JSON value. `pointer` is a JSON Pointer (RFC 6901); `in_name`: in the member's name."""

    pointer: str
    finding: Finding
    in_name: bool = False


def find(text: str, *, name: str = "", least: float = LIKELY) -> tuple[Finding, ...]:
    """Find personal data in a text.

    Args:
        text: any text.
        name: the name under which it stood, if any: `passport` makes a bare number one.
        least: lowest confidence that is told; below 0.5 also dates and numbers without any word beside them.

    Returns:
        Findings by position; no two overlap.
    """
    found = [each for each in _candidates(text, name) if each.confidence >= least]
    found.sort(key=lambda each: (KINDS.index(each.kind), each.start, -each.end, -each.confidence))
    kept: list[Finding] = []
    starts: list[int] = []
    for each in found:
        at = bisect_left(starts, each.start)
        if at and kept[at - 1].end > each.start or at < len(kept) and kept[at].start < each.end:
            continue
        kept.insert(at, each)
        starts.insert(at, each.start)
    return tuple(kept)


def _candidates(text: str, name: str) -> Iterator[Finding]:
    for kind, pattern, judged in PATTERNS:
        for match in pattern.finditer(text):
            if (found := judged(match)) is not None:
                yield Finding(kind, *found)
    if name:
        yield from _by_name(text, _snake(name))


def _by_name(text: str, name: str) -> Iterator[Finding]:
    for names, kind, form in BY_NAME:
        if names.fullmatch(name) and form.fullmatch(text):
            yield Finding(kind, 0, len(text), 0.8)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]", "_", name[:80]).lower()


def find_in(value: Any, *, least: float = LIKELY, pointer: str = "", name: str = "") -> Iterator[Place]:
    """Find personal data anywhere in a JSON value: in texts, in whole numbers, in the names of members.

    Args:
        value: a JSON value.
        least: as for `find`.
        pointer: JSON Pointer of the value itself.
        name: the name under which it stands; members of a list bear the list's.

    Yields:
        Places in the order of the canonical text: names sorted, each name before its value.
    """
    if isinstance(value, str):
        yield from (Place(pointer, each) for each in find(value, name=name, least=least))
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        yield from (Place(pointer, each) for each in find(str(value), name=name, least=least))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            below = f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"
            yield from (Place(below, each, in_name=True) for each in find(key, least=least))
            yield from find_in(value[key], least=least, pointer=below, name=key)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from find_in(item, least=least, pointer=f"{pointer}/{index}", name=name)
