"""Windows of a transactional call: its rows and its outcome are in one commit, so that nothing is ever in doubt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import ALONE, LOST, NOTHING
from tests.fatal.windows.window import NOTHING_OPEN, ROLLED_BACK, TAKEN_OVER, Window

# Name, moment, crash point, and whether the commit has taken effect.
SEAMS = (
    ("before-call", "in the tool's transaction, before its function", "before_call:1", False),
    ("after-call", "in the tool's transaction, its rows are written", "after_call:1", False),
    (
        "before-joint-commit",
        "in it, the outcome is written too, before COMMIT",
        "before_joint_commit:1",
        False,
    ),
    ("after-joint-commit", "right after that COMMIT", "after_joint_commit:1", True),
)


def joint() -> Iterator[Window]:
    """One call: every form at every seam."""
    for name, where, at, kept in SEAMS:
        for form in (*ALONE, "child"):
            found, resolved = (LOST, TAKEN_OVER) if kept else (LOST, ROLLED_BACK)
            if kept and form in (
                "graph",
                "child",
            ):  # the step has ended; the next is claimed by whoever comes
                found, resolved = NOTHING
            yield Window(
                id=f"{name}-{form}-transactional", where=where, killed="worker", plot="step", form=form,
                tool="transactional", at=at, found=found, resolved=frozenset({resolved}),
            )  # fmt: skip


def batches() -> Iterator[Window]:
    """Calls side by side, each with a commit of its own."""
    for name, where, at, kept in SEAMS:
        for form in ("branches", "map", "gather"):
            yield Window(
                id=f"{name}-{form}-transactional", where=f"parallel branches: {where}", killed="worker", plot="step",
                form=form, tool="transactional", at=at, slots=4, found=frozenset() if kept else LOST, may=LOST,
                resolved=frozenset(), perhaps=frozenset({ROLLED_BACK, TAKEN_OVER, NOTHING_OPEN}), effects=(1, 1, 1),
            )  # fmt: skip


WINDOWS = (*joint(), *batches())
