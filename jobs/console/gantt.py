"""A job over time as a picture: a row for each step, a bar for each attempt, wait and back-off, by worker. Pure.

Time in which nothing works is drawn narrow, or a wait of three days would hide the second of work before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .svg import clip, tag, words

ROWS = 120
NAMES, TRACK = 190, 810  # width of the names, and of the time beside them
TALL, BAR, TOP = 26, 16, 30
NARROWEST = 4
WORKERS = 8  # colours; the ninth worker has the first again, and its number says who it is
IDLE = 0.2  # what an idle stretch may take of the width, as a part of all work
WORK = frozenset({"attempt", "call", "lost"})


@dataclass(frozen=True)
class Bar:
    """What a step did, or waited for, for a while.

    Args:
        kind: attempt, call, wait, backoff or lost (an attempt whose worker was lost).
        start: when it began.
        end: when it ended; None: it has not.
        title: what it was, in words.
        worker: whose it was; empty for none.
    """

    kind: str
    start: datetime
    end: datetime | None
    title: str
    worker: str = ""


@dataclass(frozen=True)
class Row:
    """A step, or a call inside one.

    Args:
        label: its name.
        bars: in the order of time.
        state: how it stands.
        href: where it leads; None for nowhere.
        inner: whether it is a call inside the step above it.
        takeovers: when another worker took it over.
    """

    label: str
    bars: Sequence[Bar]
    state: str = ""
    href: str | None = None
    inner: bool = False
    takeovers: Sequence[datetime] = ()


class Scale:
    """From moments to places: what is worked in as long as it took, what is idle in a bounded width."""

    def __init__(self, bars: Iterable[Bar], until: datetime) -> None:
        listed = list(bars)
        edges = {until}.union(*({bar.start, min(bar.end or until, until)} for bar in listed))
        self.edges = sorted(edges)
        self.idle: list[tuple[int, float]] = []  # stretch, seconds
        worked = self._worked(listed, until)
        lengths = [(b - a).total_seconds() for a, b in zip(self.edges, self.edges[1:], strict=False)]
        busy = sum(length for length, at_work in zip(lengths, worked, strict=True) if at_work)
        most = max(busy * IDLE, 0.001)
        weights = [
            length if at_work else min(length, most) for length, at_work in zip(lengths, worked, strict=True)
        ]
        self.idle = [
            (index, length) for index, length in enumerate(lengths) if not worked[index] and length > most
        ]
        total = sum(weights) or 1.0
        self.places = [0.0]
        for weight in weights:
            self.places.append(self.places[-1] + weight / total * TRACK)

    def _worked(self, bars: list[Bar], until: datetime) -> list[bool]:
        """Of each stretch between two edges, whether anything works in it."""
        stands = {edge: index for index, edge in enumerate(self.edges)}
        changes = [0] * len(self.edges)
        for bar in bars:
            if bar.kind in WORK:
                changes[stands[bar.start]] += 1
                changes[stands[min(bar.end or until, until)]] -= 1
        worked, depth = [], 0
        for change in changes[:-1]:
            depth += change
            worked.append(depth > 0)
        return worked

    def at(self, moment: datetime) -> float:
        """The place of a moment, from the left end of the track."""
        index = min(max(bisect_right(self.edges, moment) - 1, 0), max(len(self.edges) - 2, 0))
        if len(self.edges) < 2:
            return 0.0
        a, b = self.edges[index], self.edges[index + 1]
        part = (moment - a) / (b - a) if b > a else 0.0
        return self.places[index] + min(max(part, 0.0), 1.0) * (self.places[index + 1] - self.places[index])


def chart(rows: Sequence[Row], until: datetime, *, workers: Mapping[str, str], title: str) -> str | None:
    """The time line as an SVG element.

    Args:
        rows: the steps; those behind the first `ROWS` are left out.
        until: now, or the job's end: where bars that have not ended are cut off.
        workers: names of workers by id.
        title: what the whole shows, for those who cannot see it.

    Returns:
        The text; None where nothing has happened yet.
    """
    shown = [row for row in rows[:ROWS] if row.bars]
    if not shown:
        return None
    bars = [_until(bar, until) for row in shown for bar in row.bars]
    scale = Scale(bars, max([until, *(bar.start for bar in bars)]))
    numbers = numbered(shown)
    height = TOP + TALL * len(shown) + 8
    drawn = [_row(row, index, scale, until, numbers, workers) for index, row in enumerate(shown)]
    return tag(
        "svg", *_axis(scale, height), *drawn, class_="gantt", viewBox=f"0 0 {NAMES + TRACK + 12} {height}",
        width=NAMES + TRACK + 12, height=height, role="group", aria_label=title, xmlns="http://www.w3.org/2000/svg",
    )  # fmt: skip


def numbered(rows: Sequence[Row]) -> dict[str, int]:
    """The workers in the order in which they come, from 1."""
    found: dict[str, int] = {}
    for row in rows[:ROWS]:
        for bar in row.bars:
            if bar.worker:
                found.setdefault(bar.worker, len(found) + 1)
    return found


def _until(bar: Bar, until: datetime) -> Bar:
    end = bar.end if bar.end is not None and bar.end >= bar.start else max(until, bar.start)
    return Bar(bar.kind, bar.start, end, bar.title, bar.worker)


def _axis(scale: Scale, height: int) -> list[str]:
    """The two ends, and a break wherever idle time is drawn narrower than it was."""
    first, last = scale.edges[0], scale.edges[-1]
    marks = [
        tag("text", "0", x=NAMES, y=16, class_="tick"),
        tag(
            "text", words(span((last - first).total_seconds())),
            x=NAMES + TRACK, y=16, text_anchor="end", class_="tick",
        ),
    ]  # fmt: skip
    taken = NAMES + 30.0
    for index, seconds in scale.idle:
        left, right = NAMES + scale.places[index], NAMES + scale.places[index + 1]
        marks.append(
            tag("rect", x=_n(left), y=TOP - 4, width=_n(right - left), height=height - TOP, class_="idle")
        )
        middle = (left + right) / 2
        if middle - 40 > taken and middle + 90 < NAMES + TRACK:
            marks.append(
                tag(
                    "text",
                    words(f"⋯ {span(seconds)} ⋯"),
                    x=_n(middle),
                    y=16,
                    text_anchor="middle",
                    class_="tick",
                )
            )
            taken = middle + 40
    return marks


def _row(
    row: Row,
    index: int,
    scale: Scale,
    until: datetime,
    numbers: Mapping[str, int],
    workers: Mapping[str, str],
) -> str:
    y = TOP + index * TALL
    indent = 14 if row.inner else 0
    name = tag(
        "text", tag("title", words(row.label)), words(clip(row.label, 24 - indent // 7)),
        x=4 + indent, y=y + 14, class_="inner" if row.inner else "name",
    )  # fmt: skip
    parts = [tag("line", x1=0, x2=NAMES + TRACK, y1=y + TALL - 3, y2=y + TALL - 3, class_="rule")]
    parts.append(tag("a", name, href=row.href) if row.href else name)
    parts += [_bar(_until(bar, until), y, scale, numbers, workers) for bar in row.bars]
    parts += [_takeover(NAMES + scale.at(moment), y) for moment in row.takeovers]
    return tag("g", *parts, class_="row")


def _bar(bar: Bar, y: int, scale: Scale, numbers: Mapping[str, int], workers: Mapping[str, str]) -> str:
    end = bar.end or bar.start
    left = NAMES + scale.at(bar.start)
    width = max(scale.at(end) - scale.at(bar.start), NARROWEST)
    left = min(left, NAMES + TRACK - width)
    number = numbers.get(bar.worker)
    by = f" by {workers.get(bar.worker, bar.worker)}" if bar.worker else ""
    told = f"{bar.title}{by}, {span((end - bar.start).total_seconds())}"
    hue = f" w{(number - 1) % WORKERS}" if number else ""
    box = tag("rect", x=_n(left), y=y, width=_n(width), height=BAR, rx=3)
    label = ""
    if number and width > 16:
        label = tag("text", words(number), x=_n(left + 5), y=y + 12, class_="who")
    return tag("g", tag("title", words(told)), box, label, class_=f"bar is-{bar.kind}{hue}")


def _takeover(x: float, y: int) -> str:
    shape = tag("path", d=f"M{_n(x - 5)} {y - 4} L{_n(x + 5)} {y - 4} L{_n(x)} {y + 5} z")
    return tag("g", tag("title", "another worker took it over"), shape, class_="takeover")


def span(seconds: float) -> str:
    """A time in its two largest units."""
    if seconds < 0.9995:
        return f"{max(round(seconds * 1000), 0)} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    for name, size, below, unit in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        whole = round(seconds / unit) * unit
        if whole >= size:
            rest = whole % size // unit
            return f"{whole // size} {name} {rest} {below}" if rest else f"{whole // size} {name}"
    return "1 min"


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
