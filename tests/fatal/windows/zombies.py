"""Windows of a worker that stands still, is taken over, and wakes up."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import DOUBT, LOST, calls_of
from tests.fatal.windows.window import (
    LATE_ABSENT,
    LATE_LANDED,
    PERSON_ABSENT,
    PROBE_LANDED,
    RUN_AGAIN,
    SAME_KEY,
    TAKEN_OVER,
    Window,
)

STOPPED = "worker, stopped"
LATE = frozenset({"late_outcome"})
AFTER_PROMISE = "after the promise, before the last look at the lease"
BEFORE_CALL = "after the last look, before the bytes leave"
DURING = "during the call, the effect has happened"
BEFORE_OUTCOME = "the answer has come, nothing is written"
WAKES = {True: "; it wakes when others are through", False: "; it wakes while nobody knows"}

# Moment, crash point, kind of tool, traces, how it comes right, and whether it wakes only after the end.
ONE_CALL = (
    (AFTER_PROMISE, "after_promise:1:HOLD", "idempotent", LOST | LATE, SAME_KEY, True),
    (AFTER_PROMISE, "after_promise:1:HOLD", "blind", DOUBT | LATE, PERSON_ABSENT, True),
    (AFTER_PROMISE, "after_promise:1:HOLD", "blind", DOUBT | LATE, LATE_ABSENT, False),
    (AFTER_PROMISE, "after_promise:1:HOLD", "probed", DOUBT | LATE, LATE_ABSENT, False),
    (AFTER_PROMISE, "after_promise:1:HOLD", "pure", LOST | LATE, RUN_AGAIN, True),
    (BEFORE_CALL, "before_call:1:HOLD", "idempotent", LOST | LATE, SAME_KEY, True),
    (BEFORE_CALL, "before_call:1:HOLD", "blind", DOUBT | LATE, LATE_LANDED, False),
    (BEFORE_CALL, "before_call:1:HOLD", "probed", DOUBT | LATE, LATE_LANDED, False),
    (DURING, "", "idempotent", LOST | LATE, SAME_KEY, True),
    (DURING, "", "blind", DOUBT | LATE, LATE_LANDED, False),
    (DURING, "", "brief", DOUBT | LATE, PROBE_LANDED, True),
    (BEFORE_OUTCOME, "before_outcome:1:HOLD", "idempotent", LOST | LATE, SAME_KEY, True),
    (BEFORE_OUTCOME, "before_outcome:1:HOLD", "blind", DOUBT | LATE, LATE_LANDED, False),
    (BEFORE_OUTCOME, "before_outcome:1:HOLD", "brief", DOUBT | LATE, PROBE_LANDED, True),
)
SHORT = {AFTER_PROMISE: "promise", BEFORE_CALL: "call", DURING: "during", BEFORE_OUTCOME: "outcome"}


def calls() -> Iterator[Window]:
    """A call whose worker stands still until another has taken its step over."""
    for where, at, tool, found, resolved, late in ONE_CALL:
        for form in _forms(where, tool):
            yield Window(
                id=f"zombie-{SHORT[where]}-{form}-{tool}-{'late' if late else 'soon'}", where=where + WAKES[late],
                killed=STOPPED, plot="zombie" if late else "zombie_wakes_soon", form=form, tool=tool, at=at, found=found,
                resolved=frozenset({resolved}), effects=() if tool == "pure" else (1,),
                calls=calls_of("unsent" if where == AFTER_PROMISE else "landed", tool),
                service={} if at else {"mode": "hang", "when": "after"},
            )  # fmt: skip


def _forms(where: str, tool: str) -> tuple[str, ...]:
    if tool not in ("blind", "idempotent"):
        return ("graph",)
    return ("graph", "def", "async", *(["child"] if where == AFTER_PROMISE and tool == "idempotent" else []))


def commits() -> Iterator[Window]:
    """The outcome is written, and the process stands still before it knows."""
    for form, number, resolved in (("graph", 3, RUN_AGAIN), ("def", 4, TAKEN_OVER), ("async", 5, TAKEN_OVER)):
        for point in ("after_commit", "after_commit_before_knock"):
            yield Window(
                id=f"zombie-{point.replace('_', '-')}-{form}", where="the outcome is written, the process does not know"
                + WAKES[True], killed=STOPPED, plot="zombie", form=form, at=f"{point}:{number}:HOLD", found=LOST,
                may=LATE, resolved=frozenset({resolved}),
            )  # fmt: skip


WINDOWS = (*calls(), *commits())
