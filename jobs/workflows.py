"""Run a planning or workflow step: the function, its recorded answers, and what becomes of its end."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ledger.canonical import NotJson, storable
from ledger.tracebacks import described

from . import loop
from .agents import UnknownAgent, UnknownWorkflow, get_agent, get_workflow
from .calls import Claim
from .conf import conf
from .context import Context
from .core.commands import AdoptPlan, Command, FailNode, FinishNode, LoseLease
from .core.errors import Fenced, Illegal, Refused
from .core.names import PlanError
from .core.playback import CallFailed, NonDeterminism
from .core.state import JobState, Node
from .live import Drained, Live, Parked, Stopped
from .planning import checked_plan, requirements
from .plans import single_step
from .promises import CannotStart, arguments

log = logging.getLogger("aetheris.workflows")


def run(claim: Claim, state: JobState, node: Node) -> Claim | None:
    """Run the step to its end, or to where it can go no further. Gives no successor: others are knocked for."""
    try:
        fn, args, is_async = _function(state, node)
    except (UnknownAgent, UnknownWorkflow, CannotStart) as cannot:
        error = getattr(cannot, "error", None) or {"code": cannot.code, "message": str(cannot)}  # type: ignore[union-attr]
        claim.commit(FailNode(node=claim.node, fence=claim.fence, error=error))
        return None
    live = Live(claim, is_async=is_async)
    if not is_async:
        _settle(live, lambda: _attempt(live, fn, args))
    elif claim.me.hand_off:
        loop.hand_off(_drive_async(live, fn, args))
    else:
        loop.wait(_drive_async(live, fn, args))
    return None


def _function(state: JobState, node: Node) -> tuple[Callable[..., Any], dict[str, Any], bool]:
    if node.kind == "workflow":
        spec = state.spec(node)
        assert spec is not None
        flow = get_workflow(spec.spec["fn"])
        return flow.fn, flow.arguments.bind(arguments(state, node)), flow.is_async
    agent = get_agent(state.agent, state.version)
    if agent.workflow is not None:
        graph = single_step(agent.workflow, state.goal)
        return lambda ctx: graph, {}, False
    goal = agent.goal.bind({"goal": state.goal})
    if agent.form == "planner":
        return lambda ctx: agent.fn(**goal), {}, False
    return agent.fn, goal, agent.is_async


def _attempt(live: Live, fn: Callable[..., Any], args: Mapping[str, Any]) -> Command:
    ctx = Context(live, live.claim.node, live.state_dict())
    result = fn(ctx, **args)
    live.not_parked()
    return live.end_of(ctx, result)


def _settle(live: Live, attempt: Callable[[], Command]) -> None:
    """Run the function until it ends or parks; it is run again where answers have come meanwhile."""
    while True:
        try:
            live.begin()
            wish = attempt()
        except Parked:
            if live.release():
                return
            continue
        except (Drained, Stopped, Fenced) as over:
            _give_back(live, over)
            return
        except Exception as error:
            wish = failure(live.claim, error)
        _write_end(live, wish)
        return


async def _drive_async(live: Live, fn: Callable[..., Any], args: Mapping[str, Any]) -> None:
    while True:
        try:
            await loop.in_thread(live.begin)
            wish = await live.run_async(fn, args)
        except Parked:
            if await loop.in_thread(live.release):
                return
            continue
        except (Drained, Stopped, Fenced) as over:
            await loop.in_thread(_give_back, live, over)
            return
        except Exception as error:
            wish = failure(live.claim, error)
        await loop.in_thread(_write_end, live, wish)
        return


def _write_end(live: Live, wish: Command) -> None:
    try:
        live.write_end(wish)
    except Refused as refused:
        log.info("job %s, step %s: its end is not written: %s", live.claim.job, live.claim.node, refused)


def _give_back(live: Live, over: BaseException) -> None:
    """The step stops here: drained, ended from outside, or fenced."""
    claim = live.claim
    log.info("job %s, step %s stops here: %s", claim.job, claim.node, over)
    if isinstance(over, Fenced):
        return
    try:
        claim.commit(LoseLease(node=claim.node, fence=claim.fence, reason="handed_back", known_dead=True))
    except Refused as refused:
        log.debug("job %s, step %s: nothing to give back: %s", claim.job, claim.node, refused)


def ending(claim: Claim, node_kind: str, result: Any, delta: Mapping[str, Any]) -> Command:
    """What a function's return value means: a plan, or a result that can be stored."""
    if node_kind == "plan":
        plan = checked_plan(result)
        return AdoptPlan(fence=claim.fence, plan=plan.to_json(), requires=requirements(plan))
    text, problem = storable(result, conf().MAX_RESULT)
    if problem is not None:
        error = {"code": "result_unstorable", "message": f"step {claim.node} returned something that cannot be "
                 f"stored: {problem['reason']}", **problem}  # fmt: skip
        return FailNode(node=claim.node, fence=claim.fence, error=error)
    assert text is not None
    return FinishNode(node=claim.node, fence=claim.fence, result=json.loads(text), delta=delta)


def failure(claim: Claim, error: Exception) -> Command:
    """What an exception that left the function means."""
    told = described(error)
    path = ""
    if isinstance(error, NonDeterminism):
        told = {"code": "non_determinism", "message": str(error), "path": error.path, "recorded": error.recorded,
                "asked": error.asked}  # fmt: skip
    elif isinstance(error, CallFailed):
        path = error.path
        told = {"code": error.code, "message": str(error), "path": path, "cause": error.error}
    elif isinstance(error, PlanError):
        told = {"code": error.code, "message": str(error), "node": error.node}
    elif isinstance(error, NotJson | Illegal):
        told = {"code": getattr(error, "code", "not_json"), "message": str(error)}
    told.setdefault("code", "raised")
    retryable = not isinstance(error, NonDeterminism | PlanError | Illegal)
    return FailNode(node=claim.node, fence=claim.fence, error=told, retryable=retryable, path=path)


