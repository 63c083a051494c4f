"""Run a planning or workflow step: the function, its recorded answers, and what becomes of its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from . import admission, calls, loop
from .agents import Agent, get_agent, get_workflow
from .calls import Claim
from .closed import while_strict
from .context import Context
from .core.commands import Command, FailNode, LoseLease
from .core.errors import Fenced, Refused
from .core.state import JobState, Node
from .endings import failure
from .interrupts import Drained, Parked, Stopped
from .live import Live
from .plans import single_step
from .promises import CannotStart, arguments

log = logging.getLogger("aetheris.workflows")


def run(claim: Claim, state: JobState, node: Node) -> None:
    """Run the step to its end, or to where it can go no further."""
    try:
        fn, args, is_async = _function(state, node)
    except CannotStart as cannot:
        claim.commit(FailNode(node=claim.node, fence=claim.fence, error=cannot.error))
        return
    except Exception as error:  # unknown here, or a goal that its form refuses
        claim.commit(failure(claim, error))
        return
    live = Live(claim, is_async=is_async)
    if not is_async:
        _settle(live, lambda: _attempt(live, fn, args))
    elif claim.looped:
        claim.looped = False
        claim.me.take_up(claim.key)
        admission.hand_off(claim.me, _handed_off(live, fn, args))
    else:
        loop.wait(_drive_async(live, fn, args))


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
        return _without_ctx(agent), goal, agent.is_async
    return agent.fn, goal, agent.is_async


def _without_ctx(agent: Agent) -> Callable[..., Any]:
    @wraps(agent.fn)
    def plan(ctx: Context, **goal: Any) -> Any:
        return agent.fn(**goal)

    return plan


def _attempt(live: Live, fn: Callable[..., Any], args: Mapping[str, Any]) -> Command:
    ctx = Context(live, live.claim.node, live.state_dict())
    with while_strict(live.refuse, fn):
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


async def _handed_off(live: Live, fn: Callable[..., Any], args: Mapping[str, Any]) -> None:
    """The step on the process's loop; nobody waits for it, so that it says itself what breaks it off."""
    claim = live.claim
    try:
        await _drive_async(live, fn, args)
    except Exception as error:
        await loop.in_thread(calls.break_off, claim, error)
    finally:
        claim.me.lay_down(claim.key)


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
    except (Drained, Stopped) as over:  # the claim ended while the function did
        _give_back(live, over)


def _give_back(live: Live, over: BaseException) -> None:
    """The step stops here: drained, ended from outside, or fenced."""
    claim = live.claim
    log.info("job %s, step %s stops here: %s", claim.job, claim.node, over)
    if isinstance(over, Fenced):
        return
    below = (claim.node, f"{claim.node}/")
    calling = any(
        job == claim.job and (path == below[0] or path.startswith(below[1]))
        for job, path in claim.me.running()
    )
    try:
        claim.commit(
            LoseLease(node=claim.node, fence=claim.fence, reason="handed_back", known_dead=not calling)
        )
    except Refused as refused:
        log.debug("job %s, step %s: nothing to give back: %s", claim.job, claim.node, refused)
