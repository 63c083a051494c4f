"""Windows of a transactional call: its rows and its outcome are in one commit, so that nothing is ever in doubt."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import ALONE, LOST, NOTHING
from tests.fatal.windows.window import ROLLED_BACK, TAKEN_OVER, Window

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
        for form in ALONE:
            found, resolved = (LOST, TAKEN_OVER) if kept else (LOST, ROLLED_BACK)
            if kept and form == "graph":  # the step has ended; the next is claimed by whoever comes
                found, resolved = NOTHING
            yield Window(
                id=f"{name}-{form}-transactional", where=where, killed="worker", plot="step", form=form,
                tool="transactional", at=at, found=found, resolved=frozenset({resolved}),
            )  # fmt: skip


WINDOWS = tuple(joint())
