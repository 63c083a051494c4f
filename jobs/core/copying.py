"""The first events of a job that is born of another: what had settled there, as facts of its own.

Every fact here repeats one of the other job's record and names it (`copied`), in the order in which it happened
there. A call that landed is a recall: it names the call that the world saw, and this job has made none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .arrows import owner
from .chain import digest_of
from .draft import Draft
from .events import Fact
from .graph import TaskGraph
from .ids import approval_id, idempotency_key, invocation_id
from .past import Carried, Past
from .plan import Plan
from .state import PLAN_STEP
from .telling import landed, snapshot
from .waiting import conclude

FUNCTIONS = frozenset({"plan", "workflow"})  # steps that are run again from their recorded answers
RELEASED = "forked"  # why the claims that this job takes over are over


@dataclass
class Copy:
    """One copy in the making. `seqs` says which event of the new job repeats a letter of the old one."""

    draft: Draft
    past: Past
    carried: Carried
    plan: dict[str, Any] | None = None
    seqs: dict[int, int] = field(default_factory=dict)
    snapshots: dict[str, Fact] = field(default_factory=dict)
    sources: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    functions: frozenset[str] = frozenset()

    def emit(self, fact: Fact, /, **changes: Any) -> None:
        """Repeat a fact; a fence is that of the claim that this job has taken over."""
        body = {**fact.body, **changes, "copied": fact.seq}
        if "fence" in body:
            body["fence"] = owner(self.draft.state, fact.node or PLAN_STEP).fence
        self.draft.emit(fact.type, fact.node, **body)

    def keeps(self, fact: Fact) -> bool:
        return fact.node in self.carried.calls


def copy(draft: Draft, past: Past, carried: Carried, *, plan: dict[str, Any] | None = None) -> None:
    """Repeat in a new job what it takes over.

    Args:
        draft: the new job, which holds its `job_created`.
        past: the record that it comes from.
        carried: what it takes over.
        plan: another plan, where the new job's goal is another one.
    """
    made = Copy(draft, past, carried, plan, functions=_functions(past, carried))
    made.sources, made.failures = sources(past), _failures(past)
    for fact in _in_order(past, carried):
        take = COPIES.get(fact.type)
        if take is not None:
            take(made, fact)
    _conclude(made)


def with_goal(past: Past, goal: Any) -> dict[str, Any]:
    """The plan of a job whose agent is a workflow, with another goal for it."""
    assert past.then.plan is not None
    (node,) = past.then.plan.nodes.values()
    graph = TaskGraph()
    graph.output(graph.workflow(node.id, node.spec["fn"], goal=goal))
    return Plan.load(graph.to_json()).to_json()


def _functions(past: Past, carried: Carried) -> frozenset[str]:
    """The planning and the workflows of which anything is on record."""
    nodes = past.then.nodes
    settled = {name for name in carried.steps if nodes[name].kind in FUNCTIONS and nodes[name].fence}
    return frozenset({*settled, *(past.then.calls[path].node for path in carried.calls)} & _of_kind(past))


def _of_kind(past: Past) -> set[str]:
    return {str(name) for name, node in past.then.nodes.items() if node.kind in FUNCTIONS}


def sources(past: Past) -> dict[str, Mapping[str, Any]]:
    """Where the result of each call comes from: the call itself, or the one that it recalled."""
    found: dict[str, Mapping[str, Any]] = {}
    for fact in past.facts:
        body = fact.body
        if fact.type == "tool_invocation_started":
            words = ("invocation", "tool", "version", "schema", "effect", "business_key")
            found[fact.node] = {"job": past.now.job, **{word: body[word] for word in words}}
        elif fact.type == "tool_invocation_finished" and body["status"] == "recalled":
            found[fact.node] = {**body["recalled_from"], "tool": body["tool"]}
    return found


def _failures(past: Past) -> dict[str, int]:
    """The event that told the failure of each call for the last time."""
    failed = (
        fact for fact in past.facts if fact.type == "command_committed" and fact.body["outcome"] == "failed"
    )
    return {fact.node: fact.seq for fact in failed}


def _in_order(past: Past, carried: Carried) -> list[Fact]:
    """As it happened; but what became of an item is told before its map settles without it."""
    closed = {
        fact.node: fact.seq
        for fact in past.facts
        if fact.type in ("node_finished", "node_failed") and fact.node in carried.steps
    }

    def place(fact: Fact) -> tuple[int, bool, int]:
        node = past.then.nodes.get(fact.node)
        end = closed.get(node.parent) if node is not None and node.parent else None
        return (fact.seq, True, fact.seq) if end is None else (min(fact.seq, end), end > fact.seq, fact.seq)

    return sorted(past.facts, key=place)


def _letter(made: Copy, fact: Fact) -> None:
    made.emit(fact)
    made.seqs[fact.seq] = made.draft.state.seq


def _planned(made: Copy, fact: Fact) -> None:
    plan = made.plan or fact.body["plan"]
    made.emit(fact, plan=plan, plan_hash=digest_of(plan))


def _started(made: Copy, fact: Fact) -> None:
    """The first claim of a function: from here on it saw the job's state as it was then."""
    if fact.node in made.functions - made.begun:
        made.begun.add(fact.node)
        made.emit(fact)


def _asked(made: Copy, fact: Fact) -> None:
    opened = fact.body["command"] == "map" and _has_items(made, fact.node)
    if made.keeps(fact) or opened:
        made.emit(fact)


def _has_items(made: Copy, name: str) -> bool:
    known = made.carried.steps | made.carried.calls
    count = made.past.then.nodes[name].count
    return name in made.carried.steps or any(f"{name}/{index}" in known for index in range(count))


def _told(made: Copy, fact: Fact) -> None:
    """A landed call, whoever said that it landed, is recalled."""
    asked = made.past.then.calls[fact.node]
    landed_here = fact.body.get("status") in ("landed", "recalled") or fact.body.get("verdict") == "landed"
    if not (landed_here and made.keeps(fact) and asked.status == "done"):
        return
    state, source = made.draft.state, dict(made.sources[fact.node])
    tool = source.pop("tool")
    more = {"citations": fact.body["citations"]} if fact.body.get("citations") else {}
    made.draft.emit(
        "tool_invocation_finished", fact.node, invocation=invocation_id(state.job, fact.node), tool=tool,
        status="recalled", attempt=0, fence=owner(state, fact.node).fence, result=asked.value, copied=fact.seq,
        recalled_from={**source, "key": idempotency_key(state.origin, fact.node)}, **more,
    )  # fmt: skip


def _committed(made: Copy, fact: Fact) -> None:
    asked = made.past.then.calls[fact.node]
    if not made.keeps(fact):
        return
    if fact.body["outcome"] == "done":
        made.emit(fact)
    elif asked.status == "failed" and made.failures[fact.node] == fact.seq:
        more = {"barred": True} if asked.info.get("barred") else {}
        made.emit(fact, error=dict(asked.error or {}), **more)


def _if_kept(made: Copy, fact: Fact) -> None:
    if made.keeps(fact):
        made.emit(fact)


def _parked(made: Copy, fact: Fact) -> None:
    if fact.body["kind"] == "approval" and fact.node in made.past.then.nodes:
        _if_kept(made, fact)


def _requested(made: Copy, fact: Fact) -> None:
    """The same question, bound anew to the id that it has in this job."""
    if made.keeps(fact):
        approval = approval_id(made.draft.state.job, fact.node)
        bound = {name: fact.body[name] for name in ("question", "shown", "releases")}
        made.emit(fact, approval=approval, digest=digest_of({"approval": approval, **bound}))


def _decided(made: Copy, fact: Fact) -> None:
    if made.keeps(fact):
        info = made.draft.state.calls[fact.node].info
        made.emit(fact, approval=info["approval"], digest=info["digest"])


def _waited(made: Copy, fact: Fact) -> None:
    if made.keeps(fact) and made.past.then.calls[fact.node].kind == fact.body["kind"]:
        made.emit(fact, source=made.seqs.get(fact.body["source"]))


def _snapshot(made: Copy, fact: Fact) -> None:
    made.snapshots[fact.node] = fact


def _settled(made: Copy, fact: Fact) -> None:
    """A step's end, with what it knew; the end before it was left behind by its map is none."""
    if fact.node not in made.carried.steps:
        return
    known = made.snapshots.get(fact.node)
    if known is not None and fact.type == "node_finished":
        made.emit(known)
    made.emit(fact)


COPIES: dict[str, Callable[[Copy, Fact], None]] = {
    "plan_generated": _planned,
    "node_started": _started,
    "command_emitted": _asked,
    "tool_invocation_finished": _told,
    "outcome_resolved": _told,
    "command_committed": _committed,
    "effect_recorded": _if_kept,
    "approval_requested": _requested,
    "approval_decided": _decided,
    "wait_completed": _waited,
    "timer_fired": _if_kept,
    "child_started": _if_kept,
    "child_finished": _if_kept,
    "job_parked": _parked,
    "signal_received": _letter,
    "message_received": _letter,
    "reasoning_snapshot": _snapshot,
    "node_finished": _settled,
    "node_failed": _settled,
    "node_skipped": _settled,
}


def _conclude(made: Copy) -> None:
    """Settle what the cut left between an answer and what follows from it, and free what is to run again."""
    draft = made.draft
    for path in sorted(made.carried.calls & set(draft.state.nodes)):
        if path not in made.carried.steps:
            _settle(draft, path)
    if draft.state.plan is not None and PLAN_STEP not in made.carried.steps:
        fence = draft.state.nodes[PLAN_STEP].fence
        snapshot(draft, PLAN_STEP, fence)
        draft.emit("node_finished", PLAN_STEP, outcome="done", result=None, step_outcome="pure", fence=fence)
    for name in _running(made):
        node = draft.state.nodes[name]
        draft.emit("lease_lost", name, worker=node.worker, fence=node.fence, reason=RELEASED, known_dead=True)


def _settle(draft: Draft, path: str) -> None:
    node = draft.state.nodes[path]
    if node.kind in ("tool", "llm"):
        landed(draft, path, node.fence)
    else:
        conclude(draft, path)


def _running(made: Copy) -> Iterator[str]:
    for name in sorted(made.begun):
        if made.draft.state.nodes[name].status == "running":
            yield name
