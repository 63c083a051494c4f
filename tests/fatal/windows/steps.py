"""Windows of a step: a worker dies at every seam between the claim and the next knock, in every form of step."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.window import (
    NOTHING_OPEN,
    PERSON_ABSENT,
    PERSON_LANDED,
    PROBE_ABSENT,
    PROBE_LANDED,
    RUN_AGAIN,
    SAME_KEY,
    TAKEN_OVER,
    Window,
)

ALONE = ("graph", "def", "async")
KINDS = ("blind", "probed", "idempotent", "pure")
DOUBT = frozenset({"lease_lost", "outcome_unknown", "outcome_resolved"})
LOST = frozenset({"lease_lost"})

# Name, moment, crash point, and what the world and the books know then.
SEAMS = (
    ("before-claim", "before the claim", "before_claim:1", "unclaimed"),
    ("after-claim", "after the claim, before anything is done", "after_claim:1", "claimed"),
    ("before-promise", "before the promise is written", "before_promise:1", "unpromised"),
    ("after-promise", "after the promise, before the last look at the lease", "after_promise:1", "unsent"),
    ("before-call", "after the last look, before the bytes leave", "before_call:1", "unsent"),
    ("after-call", "the answer has come, nothing is written", "after_call:1", "landed"),
    ("before-outcome", "before the outcome is written", "before_outcome:1", "landed"),
    ("after-outcome", "after the outcome, before what follows", "after_outcome:1", "told"),
)
ABSENT = {
    "blind": (DOUBT, PERSON_ABSENT),
    "probed": (DOUBT, PROBE_ABSENT),
    "idempotent": (LOST, SAME_KEY),
    "pure": (LOST, RUN_AGAIN),
}
LANDED = {**ABSENT, "blind": (DOUBT, PERSON_LANDED), "probed": (DOUBT, PROBE_LANDED)}


NOTHING = (frozenset[str](), NOTHING_OPEN)
OF_GRAPHS = ("graph", "map", "branches", "child", "wait", "ask", "nap")


def expected(known: str, form: str, tool: str) -> tuple[frozenset[str], frozenset[str]]:
    """What must be found, and how it comes right, by what was known at the moment of death."""
    of_a_graph = form in OF_GRAPHS
    found, resolved = {
        "unclaimed": NOTHING,
        "claimed": (LOST, TAKEN_OVER),
        "unpromised": (LOST, TAKEN_OVER),
        "unsent": ABSENT[tool],
        "landed": LANDED[tool],
        # A graph claims and promises in one commit with what it follows: the plan, or a call, here of a pure one.
        "told": (LOST, RUN_AGAIN if of_a_graph else TAKEN_OVER),
        "looked": (LOST, RUN_AGAIN),
        "ended": NOTHING,
    }[known]
    return found, frozenset({resolved})


def calls_of(known: str, tool: str) -> tuple[int, ...] | None:
    """How many calls arrive in the end, where more than one may: what was sent is sent again with its key."""
    if tool != "idempotent":
        return None
    return (2,) if known == "landed" else (1,)


def effects(tool: str, times: int = 1) -> tuple[int, ...]:
    """So many payments, or none where only somebody looked."""
    return () if tool == "pure" else (1,) * times


def seams() -> Iterator[Window]:
    """One call: every form and every kind of tool at every seam."""
    for name, where, at, known in SEAMS:
        for form in ALONE:
            for tool in KINDS if known in ("unsent", "landed") else ("blind",):
                found, resolved = expected(known, form, tool)
                yield Window(
                    id=f"{name}-{form}-{tool}", where=where, killed="worker", plot="step", form=form, tool=tool, at=at,
                    effects=effects(tool), calls=calls_of(known, tool), found=found, resolved=resolved,
                )  # fmt: skip


DURING = (
    ("sent", "during the call, the effect has not happened yet", "before"),
    ("acted", "during the call, the effect has happened", "after"),
)


def calls() -> Iterator[Window]:
    """The worker is killed from outside while the service works; what was sent takes effect all the same."""
    for name, where, when in DURING:
        for form in ("graph", "def", "async", "child"):
            for tool in ("blind", "probed", "idempotent") if form != "child" else ("probed",):
                found, resolved = expected("landed", form, tool)
                yield Window(
                    id=f"during-{name}-{form}-{tool}", where=where, killed="worker", plot="call", form=form, tool=tool,
                    service={"mode": "hang", "when": when}, calls=calls_of("landed", tool), found=found, resolved=resolved,
                )  # fmt: skip


SIDE_BY_SIDE = (
    ("before-promise", "parallel branches: before the second promise", "before_promise:2"),
    ("before-call", "parallel branches: before the second call", "before_call:2"),
    ("after-call", "parallel branches: the second answer has come", "after_call:2"),
    ("before-outcome", "parallel branches: before the second outcome", "before_outcome:2"),
    ("after-commit", "parallel branches: in the middle of their commits", "after_commit:4"),
)
RESOLUTIONS = {
    "blind": frozenset({PERSON_ABSENT, PERSON_LANDED}),
    "probed": frozenset({PROBE_ABSENT, PROBE_LANDED}),
    "idempotent": frozenset({SAME_KEY}),
}


def batches() -> Iterator[Window]:
    """Branches of a graph, items of a map, arms of a gather: which of them is where is the threads' affair."""
    for name, where, at in SIDE_BY_SIDE:
        for form in ("branches", "map", "gather"):
            # Several may be in one commit: all may have ended, or none may be claimed yet, when the worker dies.
            between = name in ("before-promise", "after-commit")
            for tool in ("blind", "probed", "idempotent"):
                yield Window(
                    id=f"{name}-{form}-{tool}", where=where, killed="worker", plot="step", form=form, tool=tool, at=at,
                    slots=4, found=frozenset() if between else LOST,
                    may=LOST if tool == "idempotent" else DOUBT, resolved=frozenset(), effects=(1, 1, 1),
                    perhaps=RESOLUTIONS[tool] | {TAKEN_OVER, *([NOTHING_OPEN] if between else [])},
                )  # fmt: skip
    for form in ("branches", "map", "gather"):
        yield Window(
            id=f"during-{form}-probed", where="parallel branches: during three calls", killed="worker", plot="call",
            form=form, tool="probed", slots=4, service={"mode": "hang", "when": "after"}, found=DOUBT,
            resolved=frozenset({PROBE_LANDED}), effects=(1, 1, 1),
        )  # fmt: skip


WINDOWS = (*seams(), *calls(), *batches())
