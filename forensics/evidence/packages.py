"""The graph of an evidence package, from the file alone: no server, no database, no Django."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..standalone import EVENTS, Evidence, Report, Verifier, Wishes, given_keys
from .references import in_results
from .walking import matching


def opened(path: Path | str, wishes: Wishes | None = None) -> tuple[Report, Evidence | None]:
    """Verify a package, and build the graph that its events tell; none of a file that is broken.

    Args:
        path: the file.
        wishes: keys to pin, and what else the verifier is to hold it against.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        checker = Verifier(file, wishes or Wishes())
        report = checker.run()
        return report, checker.graph if report.problem is None else None


def meant(path: Path | str, graph: dict[str, Any], word: str) -> list[str]:
    """The nodes that a word means, a reference that a tool returned among them.

    Args:
        path: the file, which has been verified.
        graph: its graph.
        word: a key, an invocation, an approval, a step, a node, a document, or something that stands in a result.
    """
    found = matching(graph, word)
    if found:
        return found
    with open(path, "rb") as file:
        checker = Verifier(file, Wishes())
        checker.form()
        steps = dict.fromkeys(
            f"step/{event['node']}" for _, event in checker.package.lines(EVENTS) if in_results(event, word)
        )
    return [each["id"] for each in graph["nodes"] if each["id"] in steps]


__all__ = ["Wishes", "given_keys", "meant", "opened"]
