"""Asking the world whether landed effects still stand, before a job that has waited goes on (design: E7)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from ledger import Unknown, UnknownTool, get_tool
from ledger import services as ledger

from . import clock, store
from .core.commands import Actor, Confirm, Seen
from .core.confirming import may_go_on
from .core.errors import Refused
from .core.moments import text
from .core.state import JobState
from .incarnation import Incarnation
from .promises import tool_call
from .secrecy import kept

log = logging.getLogger("aetheris.world")
CONFIRM_SECONDS = 30.0


def look(state: JobState, paths: Iterable[str]) -> tuple[Seen, ...]:
    """Run the confirm functions of landed effects, one after the other: outside any transaction, holding nothing."""
    return tuple(_seen(state, path) for path in paths)


def _seen(state: JobState, path: str) -> Seen:
    asked = state.calls[path]
    name = str(asked.info["tool"])
    try:
        tool = get_tool(name)
    except UnknownTool:
        reason = (
            f"tool {name!r} is not registered in this process, which can therefore not confirm its effect"
        )
        return Seen(path, None, {"confirm": name, "reason": reason})
    call = tool_call(state, asked)
    said = ledger.confirm(tool, call, asked.value, timeout=min(CONFIRM_SECONDS, tool.timeout))
    if isinstance(said, Unknown):
        return Seen(path, None, {"confirm": name, "reason": kept(said.reason)})
    return Seen(path, said, {"confirm": name, "answer": said})


def ask_first(me: Incarnation, state: JobState, name: str) -> JobState | None:
    """Confirm what is in doubt before a step is claimed; every worker that would claim it does so until one has.

    Args:
        me: this worker, which is going to claim the step.
        state: the job as it was just read.
        name: the step.

    Returns:
        The state to claim the step on; None where it does not go on now.
    """
    if not state.doubts or not may_go_on(state, state.nodes.get(name), text(clock.now())):
        return state  # the claim itself says whether it may be made
    by = Actor(id=me.id, name="confirmation", kind="worker")
    wish = Confirm(look(state, sorted(state.doubts)), by, step=name)
    try:
        after = store.commit(state.job, wish).state
    except Refused as refused:
        log.info("job %s, step %s: what the world shows is not kept: %s", state.job, name, refused)
        return None
    if after.doubts or not may_go_on(after, after.nodes.get(name), text(clock.now())):
        log.warning(
            "job %s, step %s does not go on: the world does not confirm what has landed", state.job, name
        )
        return None
    return after
