"""What an auditor asks about one job: is the record whole, and does the code still do what it records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from jobs.agents import Agent, UnknownAgent, UnknownWorkflow, get_agent, get_workflow
from jobs.bodies import hydrated
from jobs.context import Context
from jobs.core.chain import digest_of
from jobs.core.events import Fact
from jobs.core.evolve import BrokenHistory, fold
from jobs.core.graph import TaskGraph
from jobs.core.plan import Plan
from jobs.core.playback import NonDeterminism
from jobs.core.state import PLAN_STEP, JobState, Node
from jobs.models import Event, Job
from jobs.plans import single_step
from jobs.promises import arguments
from ledger.canonical import storable

from . import books
from .proof import Break, Row, walk
from .replay import EndOfRecord, Recorded, run

FIELDS = ("seq", "type", "node", "at", "body", "salt", "digest", "prev", "hash")


def _rows(job: UUID) -> list[Row]:
    stored = Event.objects.filter(job_id=job).order_by("seq").values_list(*FIELDS)
    return [Row(*row) for row in stored.iterator(chunk_size=2000)]


def _folded(job: Job, rows: list[Row]) -> JobState:
    bodies = hydrated([row.body for row in rows], job.tenant)
    facts = [
        Fact(type=row.type, node=row.node, body=body if body is not None else {"erased": True}, seq=row.seq, at=row.at)
        for row, body in zip(rows, bodies, strict=True)
    ]
    return fold(facts, JobState(job=str(job.id)))


def verify_job(job_id: UUID | str) -> dict[str, Any]:
    """Check a job's chain, and every derived row against it. Repairs nothing.

    Returns:
        `{ok, job, events, head: {seq, hash}, problem: {kind, seq, message} | None}`.

    Raises:
        Job.DoesNotExist: there is no such job.
    """
    job = Job.objects.get(id=job_id)
    rows = _rows(job.id)
    head, broken = walk(str(job.id), rows)
    if broken is None and (head.seq, head.hash) != (job.head_seq, job.head_hash):
        broken = Break("forked_head", head.seq, f"the job row says its head is event {job.head_seq} "
                       f"({job.head_hash[:12]}…), the stream ends at event {head.seq} ({head.hash[:12]}…)")  # fmt: skip
    if broken is None:
        broken = _derived(job, rows)
    return {
        "ok": broken is None,
        "job": str(job.id),
        "events": head.seq,
        "head": {"seq": head.seq, "hash": head.hash},
        "problem": broken.to_json() if broken else None,
    }


def _derived(job: Job, rows: list[Row]) -> Break | None:
    try:
        state = _folded(job, rows)
    except (BrokenHistory, LookupError, ValueError, KeyError) as error:
        return Break("unreadable", job.head_seq, f"the events cannot be folded: {error}")
    return books.compare(job, state)


def replay_job(job_id: UUID | str) -> dict[str, Any]:
    """Run the job's planner and workflows against its record: no tool call, no model call, no write.

    Returns:
        `{ok, job, steps, calls, digest, output, code, problem: {kind, node, message, …} | None}`; `digest` is of
        plan, results and output: two replays of one record give the same.

    Raises:
        Job.DoesNotExist: there is no such job.
    """
    job = Job.objects.get(id=job_id)
    state = _folded(job, _rows(job.id))
    steps, calls, problem = 0, 0, None
    for name in _bodies(state):
        steps += 1
        try:
            calls += _replay_step(state, state.nodes[name])
        except _Differs as differs:
            problem = differs.told
            break
    seen = {
        "plan": state.plan_hash,
        "results": {name: _end(node) for name, node in sorted(state.nodes.items())},
        "output": state.output,
        "status": state.status,
    }
    return {
        "ok": problem is None, "job": str(job.id), "steps": steps, "calls": calls, "digest": digest_of(seen),
        "output": state.output, "code": f"{state.agent}@{state.version}", "problem": problem,
    }  # fmt: skip


class _Differs(Exception):
    def __init__(self, **told: Any) -> None:
        super().__init__(told["message"])
        self.told = told


def _bodies(state: JobState) -> list[str]:
    """Steps whose body is a function, in the order of the plan; only those that have begun."""
    workflows = [name for name in (state.plan.nodes if state.plan else ()) if state.nodes[name].kind == "workflow"]
    return [name for name in (PLAN_STEP, *workflows) if state.nodes[name].fence]


def _end(node: Node) -> dict[str, Any]:
    return {"status": node.status, "result": node.result, "error": dict(node.error) if node.error else None}


def _replay_step(state: JobState, node: Node) -> int:
    try:
        body, is_async = _body(state, node)
    except (UnknownAgent, UnknownWorkflow) as unknown:
        raise _Differs(kind="code_missing", node=node.id, message=str(unknown)) from unknown
    recorded = Recorded(state, node.id, is_async)
    try:
        result = run(recorded, body, lambda: Context(recorded, node.id, recorded.state_dict()))
    except NonDeterminism as other:
        raise _Differs(kind="other_command", node=node.id, path=other.path, recorded=other.recorded,
                       asked=other.asked, message=str(other)) from other  # fmt: skip
    except EndOfRecord as end:
        if node.status in ("done", "rejected"):
            raise _Differs(kind="other_command", node=node.id, path=end.path, recorded="nothing",
                           asked="a further call", message=f"at path {end.path} the code asks something that was "
                           "never asked; the recorded step had ended") from end  # fmt: skip
        return len(recorded.asked)
    except Exception as error:
        if node.status == "failed" or node.error is not None:
            return len(recorded.asked)
        raise _Differs(kind="other_end", node=node.id, recorded=node.status, asked=f"{type(error).__name__}: {error}",
                       message=f"step {node.id} raised {type(error).__name__}, recorded is: {node.status}") from error  # fmt: skip
    _compare_end(state, node, result)
    return len(recorded.asked)


def _body(state: JobState, node: Node) -> tuple[Callable[[Any], Any], bool]:
    if node.kind == "workflow":
        spec = state.spec(node)
        assert spec is not None
        flow = get_workflow(spec.spec["fn"])
        bound = flow.arguments.bind(arguments(state, node))
        return lambda ctx: flow.fn(ctx, **bound), flow.is_async
    agent: Agent = get_agent(state.agent, state.version)
    if agent.workflow is not None:
        graph = single_step(agent.workflow, state.goal)
        return lambda ctx: graph, False
    goal = agent.goal.bind({"goal": state.goal})
    if agent.form == "planner":
        return lambda ctx: agent.fn(**goal), False
    return lambda ctx: agent.fn(ctx, **goal), agent.is_async


def _compare_end(state: JobState, node: Node, result: Any) -> None:
    if node.id == PLAN_STEP:
        plan = Plan.load(result.to_json() if isinstance(result, TaskGraph) else result).to_json()
        if digest_of(plan) != state.plan_hash and state.plan is not None:
            raise _Differs(kind="other_plan", node=node.id, recorded=state.plan_hash, asked=digest_of(plan),
                           message="the planner makes another graph than the recorded one")  # fmt: skip
        return
    text, _ = storable(result)
    if node.status == "done" and (text is None or json.loads(text) != node.result):
        raise _Differs(kind="other_result", node=node.id, recorded=digest_of(node.result),
                       asked=digest_of(json.loads(text)) if text else "unstorable",
                       message=f"step {node.id} returns something else than was recorded")  # fmt: skip


