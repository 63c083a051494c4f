"""What a break in the chain really is: an event out of its place, one too many, or one that is gone. Pure.

An event's hash binds its number, so that of an event that stands at another place one can tell which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..proof import Break, Head, Row, event_break, hash_at

TOLD_BY_PLACE = ("seq", "prev")  # the columns by which an event that is out of its place is noticed
SLACK = 1000  # numbers beyond the length of a stream that are tried, for events that were taken out of it


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a look along the whole stream has found."""

    own_places: tuple[int, ...]  # where the event stands that should stand at the break
    there: str | None  # hash of what stands at the place where the event at the break should stand


def placed(
    job: str, broken: Break, held: Head, row: Row | None, headers: Callable[[], Iterable[Row]]
) -> Break:
    """A break by its right name: `reordered`, `extra` or `missing`, where an event is out of its place.

    Args:
        job: the job's id.
        broken: the break as the walk found it.
        held: the last place that holds.
        row: the event at which the walk stopped.
        headers: the whole stream from its first row; bodies are not looked at.

    Returns:
        The same break, if no event is out of its place.
    """
    if row is None or broken.column not in TOLD_BY_PLACE:
        return broken
    count = sum(1 for _ in headers())
    number = _number(job, row, count + SLACK)
    seen = _look(job, held, number, headers())
    expected = held.seq + 1
    if number is not None and seen.there == row.hash:
        return _extra(expected, row.seq, f"event {row.seq} is a copy of event {number}")
    if expected in seen.own_places:
        return _extra(expected, row.seq, f"event {expected} stands at its place, and {row.seq} before it")
    if seen.own_places:
        place = seen.own_places[0]
        if number is None and hash_at(job, row, row.seq) != row.hash:
            return _extra(
                expected, row.seq, f"event {row.seq} was put in; event {expected} stands at {place}"
            )
        message = f"event {expected} stands at {place}; at its place stands event {number or row.seq}"
        return event_break("reordered", expected, message, "seq", row=place)
    if number is None:
        return broken
    if number > expected:
        message = f"event {expected} is gone, and event {number} stands at its place"
        return event_break("missing", expected, message, "seq", row=row.seq)
    return _extra(number, number, f"event {number} stands at {row.seq}; what stands at its place was put in")


def _extra(seq: int, row: int, message: str) -> Break:
    return event_break("extra", seq, message, "seq", row=row)


def _number(job: str, row: Row, most: int) -> int | None:
    """The number that the hash of an event binds, if it is another one than that of its row."""
    tried = (seq for seq in range(1, most) if seq != row.seq)
    return next((seq for seq in tried if hash_at(job, row, seq) == row.hash), None)


def _look(job: str, held: Head, number: int | None, headers: Iterable[Row]) -> _Seen:
    places, there = [], None
    for row in headers:
        if row.seq == number:
            there = row.hash
        beyond = row.seq < 1 or row.seq > held.seq
        if beyond and row.prev == held.hash and hash_at(job, row, held.seq + 1) == row.hash:
            places.append(row.seq)
    return _Seen(tuple(places), there)
