"""From what was read of a job to its two pictures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from jobs.admin.shown import step_name
from jobs.core.ids import compensates
from jobs.core.plan import PlanNode
from jobs.core.state import PLAN_STEP

from . import gantt
from .picture import Box, Line, draw
from .reading import Told, kind_of, until


def graph(told: Told) -> SafeString | None:
    """The job's graph; None where there are too many steps for a picture."""
    boxes = [_box(told, name) for name in told.steps]
    return _safe(draw(boxes, _lines(told), title=f"Steps of job {told.job.id}"))


def timeline(told: Told, now: datetime) -> SafeString | None:
    """The job over time; None where nothing has begun."""
    rows = list(_rows(told))
    text = gantt.chart(rows, until(told, now), workers=told.workers, title=f"Job {told.job.id} over time")
    return _safe(text)


def legend(told: Told) -> list[tuple[int, int, str]]:
    """The workers of the time line: number, colour, name."""
    numbers = gantt.numbered([row for row in _rows(told) if row.bars])
    return [
        (number, (number - 1) % gantt.WORKERS, told.workers.get(worker, worker))
        for worker, number in numbers.items()
    ]


def _safe(text: str | None) -> SafeString | None:
    return None if text is None else mark_safe(text)  # noqa: S308 - svg.py escapes all that it is given


def address(told: Told, node: str) -> str:
    """The page of a step."""
    return reverse("aetheris_console:node", args=(told.job.id, node))


def _box(told: Told, node: str) -> Box:
    way, kind = told.way(node), kind_of(told, node)
    said = way.note if way.state == "parked" and way.note else way.state
    if counted := _counted(told, node):
        said = counted
    tries = f", {way.attempts} attempts" if way.attempts > 1 else ""
    title = f"{step_name(node)} ({kind}): {way.state}{' for ' + way.note if way.note else ''}{tries}"
    return Box(
        node, step_name(node), kind.partition(" ")[2] or kind, way.state, said, title, address(told, node)
    )


def _counted(told: Told, node: str) -> str:
    """Of a map, how many of its items have come how far."""
    found = told.plan.nodes.get(node) if told.plan else None
    if found is None or found.kind != "map":
        return ""
    items = told.items(node)
    return ", ".join(f"{items[state]} {state}" for state in ("done", "failed", "running") if items[state])


def _lines(told: Told) -> Iterator[Line]:
    nodes = told.plan.nodes if told.plan else {}
    order = {name: index for index, name in enumerate(nodes)}
    for node in nodes.values():
        sources = sorted(node.upstream, key=lambda name: order[name]) or [PLAN_STEP]
        for source in sources:
            yield Line(source, node.id, _side(node, source), _kind(told, node, source))
    for name in told.steps:
        if compensates(name):
            call = name.partition("/")[2]
            yield Line(call if call in nodes else call.partition("/")[0], name, "undone by", "undo")


def _side(node: PlanNode, source: str) -> str:
    return " ".join(side for branch, side in node.gates if branch == source)


def _kind(told: Told, node: PlanNode, source: str) -> str:
    return "skipped" if "skipped" in (told.way(node.id).state, told.way(source).state) else "plain"


def _rows(told: Told) -> Iterator[gantt.Row]:
    """Each step with the calls inside it below it."""
    inside: dict[str, list[str]] = {}
    steps = set(told.steps)
    for name in told.course.ways:
        if name not in steps:
            inside.setdefault(name.partition("/")[0], []).append(name)
    for name in told.steps:
        yield _row(told, name, inner=False)
        for call in inside.get(name, ()):
            yield _row(told, call, inner=True)


def _row(told: Told, name: str, *, inner: bool) -> gantt.Row:
    way = told.way(name)
    return gantt.Row(step_name(name), way.bars, way.state, address(told, name), inner, way.takeovers)
