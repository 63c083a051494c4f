"""Windows of retention: who takes a job away dies; whoever comes next leads it to the same end."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.window import Window

POINTS = (
    ("after_archive", "its package lies there, nothing is gone"),
    ("in_prune", "in the transaction, the tombstone stands"),
    ("before_commit", "in the transaction, everything is gone"),
    ("after_prune", "right after COMMIT"),
)


def windows() -> Iterator[Window]:
    for point, where in POINTS:
        yield Window(
            id=f"retention-{point.replace('_', '-')}", where=f"retention: {where}", killed="retention", plot="retention",
            tool="probed", at=f"{point}:1",
        )  # fmt: skip


WINDOWS = tuple(windows())
