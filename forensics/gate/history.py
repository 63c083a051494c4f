"""One job's events held against the code that is registered here; wherever the events come from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from jobs.core.chain import digest_of
from jobs.core.events import Fact
from jobs.core.state import PLAN_STEP, JobState, Node
from jobs.plans import code_of

from ..record import Unreadable, following
from ..rerun import rerun


class NotComparable(Exception):
    """A job of which nobody can tell whether the code would do the same; `code` says why.

    `payload_erased`, `redacted`, `broken_record`, or `code_missing`: no such agent or version is registered here.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def replayed(job: UUID | str, events: Iterable[Fact], version: str | None = None) -> dict[str, Any]:
    """Run a job's planner and workflows against its events, with the world closed.

    Args:
        job: its id.
        events: all of them, from the first, with their bodies read.
        version: of the agent whose code is held against the record; None for the one that the job ran.

    Returns:
        `{ok, job, steps, calls, digest, output, code, sources, problem}`; `problem` is None or the first `Divergence`,
        `sources` names of each step that was run the digest of the source on record and of the one here. `digest` is of
        plan, results and output: two replays of one record give the same.

    Raises:
        NotComparable: some of the record is erased, or it is broken.
    """
    facts: list[Fact] = []
    state = JobState(job=str(job))
    try:
        for fact in events:
            facts.append(fact)
            state = following(state, fact)
    except Unreadable as error:
        raise NotComparable("broken_record", f"the record of job {job} is broken: {error}") from error
    if state.erased:
        raise NotComparable(
            "payload_erased",
            f"cannot tell: erased. Of job {job} the bodies of {len(state.erased)} events are gone, so its code cannot be "
            "held against them",
        )
    return _compared(state, facts, version)


def _compared(state: JobState, facts: list[Fact], version: str | None) -> dict[str, Any]:
    steps, calls, problem = 0, 0, None
    sources = []
    for name in _bodies(state):
        steps += 1
        node = state.nodes[name]
        sources.append(_source(state, node, facts, version))
        answered, problem = rerun(state, node, facts, version)
        calls += answered
        if problem is not None:
            break
    seen = {
        "plan": state.plan_hash,
        "results": {name: _end(node) for name, node in sorted(state.nodes.items())},
        "output": state.output,
        "status": state.status,
    }
    return {
        "ok": problem is None, "job": state.job, "steps": steps, "calls": calls, "digest": digest_of(seen),
        "output": state.output, "code": f"{state.agent}@{version or state.version}", "sources": sources,
        "problem": problem.to_json() if problem else None,
    }  # fmt: skip


def _source(state: JobState, node: Node, facts: list[Fact], version: str | None) -> dict[str, str]:
    """The code of a step: what ran last, as its claim says, and what is here now; empty where it is not known."""
    claim = facts[node.fence - 1].body
    return {"node": node.id, "recorded": claim.get("code", ""), "here": code_of(state, node, version)}


def _bodies(state: JobState) -> list[str]:
    """Steps whose body is a function, in the order of the plan; only those that have begun."""
    workflows = [
        name for name in (state.plan.nodes if state.plan else ()) if state.nodes[name].kind == "workflow"
    ]
    return [name for name in (PLAN_STEP, *workflows) if state.nodes[name].fence]


def _end(node: Node) -> dict[str, Any]:
    return {"status": node.status, "result": node.result, "error": dict(node.error) if node.error else None}
