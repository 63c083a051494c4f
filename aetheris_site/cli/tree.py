"""The tree of a job as lines: nodes, below them their calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .output import status
from .reading import error_text
from .words import line, seconds

Row = Mapping[str, Any]
_STATUS = 10


def tree_lines(nodes: Iterable[Row]) -> Iterator[str]:
    """One line a node, one an indented call."""
    rows = [(depth, each) for node in nodes for depth, each in _rows(node)]
    width = max((len(_label(depth, each)) for depth, each in rows), default=0)
    for depth, each in rows:
        words = [_label(depth, each).ljust(width), status(_state(each).ljust(_STATUS)), _details(each)]
        yield "  ".join(words).rstrip()


def _rows(node: Row) -> Iterator[tuple[int, Row]]:
    yield 0, node
    for call in node.get("calls") or []:
        yield 1, call


def _label(depth: int, each: Row) -> str:
    return "  " * depth + line(str(each.get("node") or each.get("path") or each.get("name") or "-"))


def _state(each: Row) -> str:
    return line(str(each.get("status") or ""))


def _details(each: Row) -> str:
    attempts = each.get("attempts")
    count = len(attempts) if isinstance(attempts, list) else attempts
    words = [
        line(str(each.get("kind") or "")),
        line(str(each.get("name") or "")),
        seconds(each.get("seconds")),
        f"{count} attempts" if isinstance(count, int) and count > 1 else "",
        line(error_text(each.get("error"))),
    ]
    return "  ".join(word for word in words if word)
