"""Windows of a job that undoes what it did, and of one that is tried again or forked."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.faces import ALWAYS
from tests.fatal.windows.steps import ABSENT, LANDED, expected
from tests.fatal.windows.window import Window

# The third call of `fatal-fail` undoes the first.
SEAMS = (
    (
        "after-promise",
        "compensation: after its promise, before the last look at the lease",
        "after_promise:3",
        ABSENT,
    ),
    ("before-call", "compensation: after the last look, before the bytes leave", "before_call:3", ABSENT),
    ("after-call", "compensation: its answer has come, nothing is written", "after_call:3", LANDED),
    ("before-outcome", "compensation: before its outcome is written", "before_outcome:3", LANDED),
)
KINDS = {"undone": "blind", "undone_probed": "probed", "undone_keyed": "idempotent"}
COMMITS = (
    ("the failure, and claim and promise of the compensation", "looked", "unsent"),
    ("its outcome, and the end", "landed", "ended"),
)
MOMENTS = (
    ("in the transaction, the head has moved: {}", "in_append", 1),
    ("in the transaction, before COMMIT: {}", "before_commit", 1),
    ("right after COMMIT, before the process knows: {}", "after_commit", 2),
    ("after the commit, before the knock: {}", "after_commit_before_knock", 2),
)


def compensations() -> Iterator[Window]:
    """A worker dies while a failing job undoes its payment."""
    for name, where, at, known in SEAMS:
        for tool, kind in KINDS.items():
            found, right = known[kind]
            yield Window(
                id=f"undo-{name}-{kind}", where=where, killed="worker", plot="step", form="fail", tool=tool, at=at,
                on_failure="compensate", found=found, resolved=frozenset({right}), effects=(1, 1), ends="failed",
            )  # fmt: skip
    for where, point, side in MOMENTS:
        for number, commit in enumerate(COMMITS, start=4):
            found, resolved = expected(commit[side], "graph", "probed")
            yield Window(
                id=f"undo-{point.replace('_', '-')}-{number}", where=where.format(commit[0]), killed="worker",
                plot="step", form="fail", tool="undone_probed", at=f"{point}:{number}", on_failure="compensate",
                found=found, resolved=resolved, effects=(1, 1), ends="failed",
            )  # fmt: skip
    for kind, tool in (("probed", "undone_probed"), ("idempotent", "undone_keyed")):
        found, right = LANDED[kind]
        yield Window(
            id=f"undo-cancelled-{kind}", where="compensation of a cancelled job: its answer has come, nothing is written",
            killed="worker", plot="asked", form="dither", tool=tool, at="after_call:2", verb="cancel",
            on_failure="compensate", found=found, resolved=frozenset({right}), effects=(1, 1), ends="cancelled",
        )  # fmt: skip


EFFECTS = {"retry": (1,), "fork": (0,)}  # under its keys: a retry has its parent's, a fork its own


def heirs() -> Iterator[Window]:
    """A failed job is tried again, or forked; the API that bears the new one dies, or the worker that drives it."""
    for verb in ("retry", "fork"):
        for name, where, at in ALWAYS:
            yield Window(
                id=f"api-{verb}-{name}", where=f"{verb}: {where}", killed="API", plot="api", form="fail", verb=verb, at=at,
                effects=EFFECTS[verb], ends="failed",
            )  # fmt: skip
        for name, where, at, known in (
            ("before-claim", "before the new job's first claim", "before_promise:1", "unclaimed"),
            ("before-commit", "before a COMMIT of its first", "before_commit:1", "unclaimed"),
            ("after-claim", "right after its first claim", "after_claim:1", "looked"),
            ("last", "before its last outcome is written", "before_outcome:1", "looked"),
        ):
            found, resolved = expected(known, "graph", "blind")
            yield Window(
                id=f"{verb}-{name}", where=f"{verb}: {where}", killed="worker", plot="heir", form="fail", verb=verb, at=at,
                found=found, resolved=resolved, effects=EFFECTS[verb], ends="failed",
            )  # fmt: skip


WINDOWS = (*compensations(), *heirs())
