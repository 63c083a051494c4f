"""A job's graph as a picture: one box for each step, coloured and worded by its state, one arrow for each "after". Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .layout import HEIGHT, WIDTH, Point, TooTangled, lay_out
from .svg import clip, tag, words

MOST = 400  # boxes that one picture shows
LINE = 21  # characters that a box has room for in its second line: what it is, and how it stands
MARKS = {
    "waiting": "○", "ready": "◔", "running": "▶", "backoff": "↻", "parked": "‖", "done": "✓", "rejected": "⊘",
    "skipped": "–", "failed": "✕", "earlier": "·",
}  # fmt: skip


@dataclass(frozen=True)
class Box:
    """One step.

    Args:
        id: its name in the plan.
        label: what is written large.
        note: what it is: its kind, its tool.
        state: as in `MARKS`.
        said: the state in words, if there is more to say than its name.
        title: what a pointer that rests on it is told.
        href: where it leads; None for nowhere.
    """

    id: str
    label: str
    note: str
    state: str
    said: str = ""
    title: str = ""
    href: str | None = None


@dataclass(frozen=True)
class Line:
    """An arrow from one step to another.

    Args:
        source: whence.
        target: whither.
        words: what stands on it, such as the side of a branch.
        kind: plain, skipped (never taken) or undo (the target takes back what the source did).
    """

    source: str
    target: str
    words: str = ""
    kind: str = "plain"


def draw(boxes: Sequence[Box], lines: Iterable[Line], *, title: str) -> str | None:
    """The picture as an SVG element.

    Args:
        boxes: the steps, in the plan's order.
        lines: the arrows between them; those that lead nowhere are left out.
        title: what the whole shows, for those who cannot see it.

    Returns:
        The text; None where a list is of more use: there are more than `MOST` steps, or too many long arrows.
    """
    if len(boxes) > MOST:
        return None
    listed = {(line.source, line.target): line for line in lines}
    try:
        found = lay_out([box.id for box in boxes], listed)
    except TooTangled:
        return None
    arrows = [_arrow(listed[arrow], points) for arrow, points in found.routes.items()]
    shown = [_box(box, found.places[box.id]) for box in boxes]
    return tag(
        "svg", _head(), *arrows, *shown, class_="graph", viewBox=f"0 0 {found.width} {found.height}",
        width=found.width, height=found.height, role="group", aria_label=title, xmlns="http://www.w3.org/2000/svg",
    )  # fmt: skip


def _head() -> str:
    tip = tag("path", d="M0 0 L8 4 L0 8 z", class_="tip")
    marker = tag(
        "marker", tip, id="tip", viewBox="0 0 8 8", refX=8, refY=4, markerWidth=8, markerHeight=8, orient="auto"
    )  # fmt: skip
    return tag("defs", marker)


def _box(box: Box, place: Point) -> str:
    x, y = place
    said = box.said or box.state
    parts = [
        tag("title", words(box.title or f"{box.label}: {said}")),
        tag("rect", x=x, y=y, width=WIDTH, height=HEIGHT, rx=8),
        tag("text", words(clip(box.label, 23)), x=x + 12, y=y + 22, class_="name"),
        tag("text", words(clip(box.note, min(13, LINE - 2 - len(clip(said, 15))))), x=x + 12, y=y + 42, class_="note"),
        tag(
            "text",
            words(f"{MARKS.get(box.state, '·')} {clip(said, 15)}"),
            x=x + WIDTH - 12, y=y + 42, text_anchor="end", class_="said",
        ),
    ]  # fmt: skip
    body = tag("g", *parts, class_=f"step is-{box.state}")
    return tag("a", body, href=box.href, aria_label=f"{box.label}: {said}") if box.href else body


def _arrow(line: Line, points: tuple[Point, ...]) -> str:
    start, *others = points
    path = f"M{start[0]} {start[1]}"
    before = start
    for x, y in others:
        middle = (before[1] + y) // 2
        straight = f" L{x} {y}"
        path += straight if x == before[0] else f" C{before[0]} {middle} {x} {middle} {x} {y}"
        before = (x, y)
    drawn = tag("path", d=path, class_=f"arrow is-{line.kind}", marker_end="url(#tip)", fill="none")
    if not line.words:
        return drawn
    (x0, y0), (x1, y1) = points[-2], points[-1]
    label = tag(
        "text", words(clip(line.words, 16)), x=(x0 + x1) // 2 + 6, y=(y0 + y1) // 2 + 4, class_="gate"
    )
    return tag("g", drawn, label)
