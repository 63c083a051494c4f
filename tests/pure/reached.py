"""What a history reaches: kinds of events, and arrows of the two tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jobs.core.arrows import owner
from jobs.core.events import Fact
from jobs.core.evolve import evolve
from jobs.core.state import PHASE_ARROWS, STEP_ARROWS, JobState
from tests.pure.story import JOB

Arrow = tuple[str, str, str]
ALL_ARROWS = frozenset(
    (before, label, after)
    for table in (STEP_ARROWS, PHASE_ARROWS)
    for (before, label), after in table.items()
)


def arrows_of(facts: Iterable[Fact]) -> Iterator[Arrow]:
    """Every arrow that a history follows, of the job and of its steps."""
    state = JobState(job=JOB)
    for fact in facts:
        after = evolve(state, fact)
        if after.phase != state.phase:
            yield state.phase, fact.type, after.phase
        yield from _steps(state, fact, after)
        state = after


def _steps(before: JobState, fact: Fact, after: JobState) -> Iterator[Arrow]:
    if fact.type == "job_parked" and owner(before, fact.node).status == "parked":
        yield "parked", "job_parked", "parked"
    for name, node in after.nodes.items():
        old = before.nodes.get(name)
        was, at = old.status if old else "waiting", node.status
        if was == at or name == "_plan" and not old:
            continue
        mine = fact.node == name or (fact.node.startswith(name + "/") and node.kind in ("workflow", "plan"))
        if mine and at == "skipped" and fact.type != "node_skipped":  # on its way, its map left it behind
            middle = STEP_ARROWS[was, fact.type]
            yield from ((was, fact.type, middle), (middle, "(map settled)", at))
        elif mine:
            kind = "rejected" if at == "rejected" else "compensation" if node.undoes and not old else ""
            yield was, f"{fact.type} ({kind})" if kind else fact.type, at
        else:
            yield was, "(inputs settled)" if at == "ready" else "(map settled)", at
