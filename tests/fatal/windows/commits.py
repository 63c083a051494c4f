"""Windows of a commit: a worker dies inside the transaction, right after COMMIT, and before the knock; at every commit."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import expected
from tests.fatal.windows.window import Window

# The commits of a job's whole life, in order, each with what is known before and after it.
CLAIMED = ("the claim of the plan", "unclaimed", "claimed")
PLANNED = (CLAIMED, ("the plan", "claimed", "unclaimed"))
CALLED = ("claim and promise of the call", "unclaimed", "unsent")
GRAPH = (
    CLAIMED,
    ("the plan, and claim and promise of the call", "claimed", "unsent"),
    ("the outcome, and the promise of what follows", "landed", "told"),
    ("the last outcome, and the end", "told", "ended"),
)
FLOW = (
    CLAIMED,
    ("the plan, and the claim of the workflow", "claimed", "claimed"),
    ("the promise", "unpromised", "unsent"),
    ("the outcome", "landed", "told"),
    ("the promise of the next call", "told", "looked"),
    ("its outcome", "looked", "claimed"),
    ("the end", "claimed", "ended"),
)
LOOPED = (*PLANNED, ("the claim of the workflow", "unclaimed", "claimed"), *FLOW[2:])  # it is knocked for
CHILD = (
    ("the parent's claim of its plan", "unclaimed", "claimed"),
    ("the parent's plan, which owes a birth", "claimed", "unclaimed"),
    ("the birth of the child", "unclaimed", "unclaimed"),
    ("the child's claim of its plan", "unclaimed", "claimed"),
    ("the child's plan, and claim and promise of the call", "claimed", "unsent"),
    ("the child's outcome, and the promise of what follows", "landed", "told"),
    ("the child's end, which owes the parent its result", "told", "unclaimed"),
    ("the parent's end", "unclaimed", "ended"),
)
LAST = ("the outcome, and the end", "landed", "ended")
ASKING = (CLAIMED, ("the plan, which parks the job", "claimed", "unclaimed"), CALLED, LAST)
NAP = (*ASKING[:2], ("the timer's end", "unclaimed", "unclaimed"), CALLED, LAST)
HEARING = (
    *PLANNED,
    ("the claim of the workflow", "unclaimed", "claimed"),
    ("the question for a signal", "claimed", "claimed"),
    ("the park of the workflow", "claimed", "unclaimed"),
    ("the claim after the signal", "unclaimed", "claimed"),
    ("the promise", "unpromised", "unsent"),
    ("the outcome", "landed", "told"),
    ("the end", "told", "ended"),
)
LIVES = {
    "graph": GRAPH, "def": FLOW, "async": LOOPED, "child": CHILD, "wait": ASKING, "ask": ASKING, "nap": NAP,
    "hearing": HEARING,
}  # fmt: skip

INSIDE = ("in the transaction, the head has moved: {}", "in_append", 1)
WRITTEN = ("in the transaction, before COMMIT: {}", "before_commit", 1)
COMMITTED = ("right after COMMIT, before the process knows: {}", "after_commit", 2)
UNHEARD = ("after the commit, before the knock: {}", "after_commit_before_knock", 2)
MOMENTS = {
    "graph": (INSIDE, WRITTEN, COMMITTED, UNHEARD),
    "def": (WRITTEN, COMMITTED),
    "async": (COMMITTED,),
    "child": (WRITTEN, COMMITTED),
    "wait": (WRITTEN, COMMITTED),
    "ask": (WRITTEN, COMMITTED),
    "nap": (WRITTEN, COMMITTED),
    "hearing": (WRITTEN, COMMITTED),
}


def commits() -> Iterator[Window]:
    """Every commit of every life."""
    for form, life in LIVES.items():
        for where, point, side in MOMENTS[form]:
            for number, commit in enumerate(life, start=1):
                found, resolved = expected(commit[side], form, "probed")
                yield Window(
                    id=f"{point.replace('_', '-')}-{form}-{number}", where=where.format(commit[0]), killed="worker",
                    plot="step", form=form, tool="probed", at=f"{point}:{number}", found=found, resolved=resolved,
                )  # fmt: skip


def unheard_births() -> Iterator[Window]:
    """What a parent and its child owe each other is written, and nobody has been told."""
    for number, at, where in (
        (1, "after_birth_before_knock:1", "the child is born, before the knock"),
        (2, "before_delivery:1", "before the child's birth is delivered"),
        (3, "before_delivery:2", "before the child's result is delivered"),
    ):
        yield Window(
            id=f"delivery-{number}",
            where=where,
            killed="worker",
            plot="step",
            form="child",
            tool="probed",
            at=at,
        )


WINDOWS = (*commits(), *unheard_births())
