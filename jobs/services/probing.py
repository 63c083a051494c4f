"""A person has a tool asked what became of its call, without waiting for the next probe's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from ledger import UnknownTool, get_tool
from ledger import services as ledger

from .. import clock, store
from ..actors import require
from ..calls import PROBE_SECONDS, answered
from ..core.commands import Actor
from ..core.errors import Illegal, Stale
from ..core.moments import parse
from ..core.state import Asked
from ..promises import tool_call
from .resolving import line_of


@dataclass(frozen=True)
class Probed:
    """What the tool said.

    Args:
        verdict: landed, absent or unknown.
        settled: whether that was enough to settle the call; if not, it is told and not written down.
        reason: of an unknown, in words.
    """

    verdict: str
    settled: bool
    reason: str = ""


def probe(invocation: str | UUID, *, actor: Actor) -> Probed:
    """Run the probe of a call's tool in this process. Nothing is called again by it.

    Landed settles the call, and so does absent where it proves something: the probe is final, or the process that sent
    the call is known to be dead (E4). Anything else leaves the call as it is, to its next probe or to a person.

    Args:
        invocation: the ledger line.
        actor: who has it asked; needs the permission to resolve.

    Raises:
        NotFound, NotAllowed; Stale: the outcome is not unknown (any more); Illegal: the tool cannot be asked, not here, or
            not yet: before the call's deadline it may still be on its way.
    """
    require(actor, "resolve")
    row = line_of(invocation, actor)
    if connection.in_atomic_block:
        raise Illegal(
            f"invocation {row.id}: a tool is not asked inside a transaction", code="inside_transaction"
        )
    state = store.load(str(row.job_id))
    asked = state.calls.get(row.node)
    if asked is None or asked.status != "unknown" or state.ended:
        raise Stale(
            f"invocation {row.id}: its outcome is not unknown (any more); look at it again",
            code="not_unresolved",
        )
    tool = _tool(asked)
    said = ledger.probe(tool, tool_call(state, asked), timeout=min(PROBE_SECONDS, tool.timeout))
    by = Actor(
        id=actor.id, name=f"probe of {tool.name}, asked by {actor.name or actor.id}", tenant=actor.tenant
    )
    wish = answered(tool, said, row.node, by, 0)
    proven = wish.verdict == "landed" or (
        wish.verdict == "absent" and (wish.accepted or bool(asked.info.get("known_dead")))
    )
    if proven:
        store.commit(str(row.job_id), wish, now=clock.database_now())
    return Probed(wish.verdict, proven, str(wish.evidence.get("reason", "")))


def _tool(asked: Asked) -> Any:
    name = str(asked.info["tool"])
    try:
        tool = get_tool(name)
    except UnknownTool:
        raise Illegal(
            f"tool {name} is not registered in this process; the workers that have it ask it by themselves",
            code="tool_not_here",
        ) from None
    if tool.probe_fn is None:
        raise Illegal(
            f"tool {name} has no probe; find out on the other side, and resolve it", code="no_probe"
        )
    if not asked.info.get("known_dead") and parse(asked.info["deadline"]) > clock.now():
        raise Illegal(
            f"the call may still be on its way until {asked.info['deadline']}; ask its tool after that",
            code="too_early",
        )
    return tool
