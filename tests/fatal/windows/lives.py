"""Windows of work that lasts: at the question whether an effect stands, and at the turns of an agent instance."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.commits import COMMITTED, FLOW, WRITTEN
from tests.fatal.windows.steps import expected
from tests.fatal.windows.window import Window

TURN = (*FLOW[:4], ("the end, which leaves the state to the next message", "told", "ended"))


def confirmations() -> Iterator[Window]:
    """A job has waited and asks whether its first payment stands, before it makes the second."""
    yield Window(
        id="confirm-asking", where="confirmation: during the question whether the effect stands", killed="worker",
        plot="doubt", form="doubt", tool="confirmed", effects=(1, 1),
    )  # fmt: skip
    for at, where in (
        ("before_commit:4", "confirmation: before the COMMIT of what the world shows"),
        ("after_commit:4", "confirmation: right after that COMMIT"),
    ):
        name = at.partition(":")[0].replace("_", "-")
        yield Window(
            id=f"confirm-{name}", where=where, killed="worker", plot="step", form="doubt", tool="confirmed", at=at,
            effects=(1, 1),
        )  # fmt: skip


def turns() -> Iterator[Window]:
    """Every commit of a message's job, with another message in line behind it."""
    for where, point, side in (WRITTEN, COMMITTED):
        for number, commit in enumerate(TURN, start=1):
            found, resolved = expected(commit[side], "def", "probed")
            yield Window(
                id=f"message-{point.replace('_', '-')}-{number}", where=f"a message: {where.format(commit[0])}",
                killed="worker", plot="clerk", form="clerk", tool="probed", at=f"{point}:{number}", found=found,
                resolved=resolved,
            )  # fmt: skip


WINDOWS = (*confirmations(), *turns())
