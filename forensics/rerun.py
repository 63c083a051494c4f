"""One planning or workflow step run again, and what it asked and how it ended held against the record."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jobs.agents import Agent, UnknownAgent, UnknownWorkflow, Workflow, get_agent, get_workflow
from jobs.closed import closed
from jobs.conf import conf
from jobs.context import Context
from jobs.core.chain import digest_of
from jobs.core.events import Fact
from jobs.core.names import PlanError
from jobs.core.playback import CallFailed, NonDeterminism, OutsideWorld, Wish
from jobs.core.state import PLAN_STEP, SETTLED, Asked, JobState, Node
from jobs.plans import WORKFLOW_NODE, single_step
from jobs.promises import CannotStart, arguments
from ledger.canonical import jsonable, storable, type_name
from ledger.secrets import masked

from .divergence import Divergence, command, other_plan, seq_of, two
from .replay import EndOfRecord, Recorded, run


@dataclass(frozen=True)
class _Ended:
    """How the second run ended: with a value, an exception, or at a question without an answer."""

    value: Any = None
    delta: Mapping[str, Any] | None = None
    error: BaseException | None = None

    @property
    def words(self) -> str:
        if self.error is None:
            return "a result"
        return f"{type(self.error).__name__}: {self.error}"


def rerun(
    state: JobState, node: Node, facts: Sequence[Fact], version: str | None = None
) -> tuple[int, Divergence | None]:
    """Run one step against the record.

    Args:
        state: what the job's events fold to.
        node: the step.
        facts: the events.
        version: of the agent whose code is run; None for the one that the job ran.

    Returns:
        How many questions of the code were on record, and the first difference.
    """
    try:
        body = _body(state, node, version or state.version)
    except (UnknownAgent, UnknownWorkflow) as unknown:
        code = f"{state.agent}@{state.version}"
        missing = Divergence("code_missing", node.id, node.id, code, "no such code here", str(unknown))
        return 0, replace(missing, seq=node.fence)
    recorded = Recorded(state, node.id, body.is_async)
    ended = _run(recorded, body)
    found = _first(recorded, node, ended) or _other_end(recorded, node, ended, facts)
    if found is not None and not found.seq:
        found = replace(found, seq=seq_of(found, node, facts))
    return len(recorded.asked), found


def _run(recorded: Recorded, body: _Body) -> _Ended:
    made: list[Context] = []

    def make_ctx() -> Context:
        made.append(Context(recorded, recorded.node, recorded.state_dict()))
        return made[0]

    try:
        with closed(recorded.refuse, body.fn):
            value = run(recorded, body.call, make_ctx)
            delta = _delta(recorded.state_dict(), jsonable(dict(made[0].state)))
    except (Exception, EndOfRecord) as error:
        return _Ended(error=error)
    if recorded.end is not None and not recorded.is_async:  # it caught the end of the record, and went on
        return _Ended(error=EndOfRecord(recorded.end))
    return _Ended(value, delta)


def _delta(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    dropped = sorted(key for key in before if key not in after)
    return {name: each for name, each in (("set", changed), ("drop", dropped)) if each}


@dataclass(frozen=True)
class _Body:
    """A step's function, and how it is called with a ctx."""

    fn: Callable[..., Any]
    call: Callable[[Any], Any]
    is_async: bool = False


def _body(state: JobState, node: Node, version: str) -> _Body:
    agent = _agent(state, node, version)
    if node.kind == "workflow":
        spec = state.spec(node)
        assert spec is not None
        flow = agent.workflow if agent and agent.workflow else get_workflow(spec.spec["fn"])
        return _Body(
            flow.fn, lambda ctx: flow.fn(ctx, **flow.arguments.bind(arguments(state, node))), flow.is_async
        )
    assert agent is not None
    if agent.workflow is not None:
        graph = _one_step(state, agent.workflow)
        return _Body(agent.fn, lambda ctx: graph)
    if agent.form == "planner":
        return _Body(agent.fn, lambda ctx: agent.fn(**agent.goal.bind({"goal": state.goal})), agent.is_async)
    return _Body(agent.fn, lambda ctx: agent.fn(ctx, **agent.goal.bind({"goal": state.goal})), agent.is_async)


def _agent(state: JobState, node: Node, version: str) -> Agent | None:
    """Whose code the step runs: a workflow that is no agent of its own is known by its name alone."""
    if node.kind == "workflow" and (version == state.version or not _is_one_step(state)):
        return None
    return get_agent(state.agent, version)


def _is_one_step(state: JobState) -> bool:
    return state.plan is not None and list(state.plan.nodes) == [WORKFLOW_NODE]


def _one_step(state: JobState, flow: Workflow) -> dict[str, Any]:
    """The plan of an agent that is a workflow; what its function is called is no part of what it decides."""
    drawn: dict[str, Any] = single_step(flow, state.goal).to_json()
    if state.plan is not None and _is_one_step(state):
        drawn["nodes"][0]["fn"] = state.plan.nodes[WORKFLOW_NODE].spec.get("fn", flow.name)
    return drawn


# --- what was asked ------------------------------------------------------------------------------------


def _first(recorded: Recorded, node: Node, ended: _Ended) -> Divergence | None:
    """The first question that differs: another one, one more, or one less."""
    other, new = recorded.first, recorded.unknown
    if isinstance(other, OutsideWorld) and not _failed_as(node.error, _Ended(error=other)):
        message = f"step {node.id}: {other}"
        return Divergence(
            "outside_world", node.id, node.id, "nothing", other.asked, message, place=other.place
        )
    if isinstance(other, NonDeterminism) and not _failed_as(node.error, _Ended(error=other)):
        old = recorded.state.calls[other.path]
        return Divergence("other_command", node.id, other.path, other.recorded, other.asked, str(other),
                          seq=old.seq, had=command(old), made=command(recorded.other))  # fmt: skip
    if other is not None or _retried(node):
        return None
    left = _left_out(recorded)
    if new is not None and (left is not None or _was_at_rest(node)):
        asked, had = _at(new), _at(left) if left else "nothing more"
        return Divergence("other_command", node.id, new.path, had, asked, f"the code asks {asked}, which was never "
                          f"asked; the record has {had}, and the step was {node.status}",
                          seq=left.seq if left else 0, had=command(left), made=command(new))  # fmt: skip
    if left is None or (node.status == "failed" and not _is_code(node.error)):
        return None
    return Divergence("other_command", node.id, left.path, _named(left), "nothing", f"at path {left.path} the record "
                      f"has {_named(left)}, which the code does not ask; it ended with {ended.words}",
                      seq=left.seq, had=command(left))  # fmt: skip


def _retried(node: Node) -> bool:
    """Runs that failed may have asked what the last one did not."""
    return node.tries > 0


def _was_at_rest(node: Node) -> bool:
    """Whether the step had asked all that it could: it has settled, or it waited for answers."""
    waits = node.status == "parked" and node.hold is None
    return waits or (node.status in SETTLED and (node.error is None or _is_code(node.error)))


def _left_out(recorded: Recorded) -> Asked | None:
    """The first question on record, in the order of paths, that the code did not ask."""
    asked = set(recorded.asked)
    below = f"{recorded.node}/"
    left = [each for path, each in recorded.state.calls.items()
            if path.startswith(below) and path not in asked and each.kind != "patched"]  # fmt: skip
    return min(left, key=lambda each: [int(part) for part in each.path.split("/")[1:]], default=None)


def _named(asked: Asked | Wish) -> str:
    return f"{asked.kind} {asked.name}".strip()


def _at(asked: Asked | Wish) -> str:
    return f"{_named(asked)} at {asked.path}"


# --- how it ended --------------------------------------------------------------------------------------


def _other_end(recorded: Recorded, node: Node, ended: _Ended, facts: Sequence[Fact]) -> Divergence | None:
    if node.status == "failed":
        return None if _failed_as(node.error, ended) else _end(node, f"failed: {_error(node)}", ended)
    if node.status == "done":
        return (
            _end(node, "a result", ended)
            if ended.error is not None
            else _other_value(recorded, node, ended, facts)
        )
    at_rest = node.status == "parked" and node.hold is None
    waits = isinstance(ended.error, EndOfRecord)
    return _end(node, "a wait", ended) if at_rest and not waits and not _retried(node) else None


def _end(node: Node, recorded: str, ended: _Ended) -> Divergence:
    asked = f"a wait at {ended.error}" if isinstance(ended.error, EndOfRecord) else ended.words
    return Divergence("other_end", node.id, node.id, recorded, asked,
                      f"step {node.id} ended with {recorded} on record, the code ends with {asked}")  # fmt: skip


def _error(node: Node) -> str:
    error = node.error or {}
    return f"{error.get('class') or error.get('code')}: {error.get('message')}"


def _is_code(error: Mapping[str, Any] | None) -> bool:
    """Whether the step's own function failed, not the engine around it."""
    return error is not None and error.get("code") not in ("engine_error", "calls_left_open")


def _failed_as(error: Mapping[str, Any] | None, ended: _Ended) -> bool:
    """Whether a run ended in the failure that is on record."""
    if error is None or not _is_code(error):
        return error is not None
    raised, code = ended.error, error.get("code")
    if raised is None:
        return "node" in error or (
            code in ("result_unstorable", "not_json") and storable(ended.value, conf().MAX_RESULT)[0] is None
        )
    match raised:
        case EndOfRecord():
            return bool(code == "park_caught")
        case OutsideWorld():
            return bool(code == OutsideWorld.code)
        case NonDeterminism():
            return code == "non_determinism" and error.get("path") == raised.path
        case CallFailed():
            return (code, error.get("path")) == (raised.code, raised.path)
        case PlanError():
            return bool(code == raised.code)
        case CannotStart():
            return bool(code == raised.error["code"])
    same_class = error.get("class") == type_name(raised)
    return same_class if "class" in error else code == getattr(raised, "code", "not_json")


def _other_value(recorded: Recorded, node: Node, ended: _Ended, facts: Sequence[Fact]) -> Divergence | None:
    if node.id == PLAN_STEP:
        return other_plan(recorded.state, ended.value)
    text, problem = storable(ended.value, conf().MAX_RESULT)
    if text is None or not _as_kept(json.loads(text), node.result):
        asked = digest_of(json.loads(text)) if text else f"unstorable ({(problem or {}).get('reason')})"
        return Divergence("other_result", node.id, node.id, digest_of(node.result), asked,
                          f"step {node.id} returns something else than was recorded")  # fmt: skip
    snapshots = [fact for fact in facts if fact.type == "reasoning_snapshot" and fact.node == node.id]
    delta = snapshots[-1].body["delta"] if snapshots else {}
    if not _as_kept(ended.delta, delta):
        return Divergence("other_state", node.id, node.id, *two(delta, ended.delta),
                          f"step {node.id} changes ctx.state in another way than was recorded")  # fmt: skip
    return None


def _as_kept(value: Any, recorded: Any) -> bool:
    """Whether a value is what was recorded, which may have been masked (docs/secrets.md)."""
    return bool(value == recorded or masked(value)[0] == recorded)
