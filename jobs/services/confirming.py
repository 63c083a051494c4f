"""Confirmation: landed effects held against the world, on demand; and a person who accepts what it shows (E7)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import connection

from ledger.models import Invocation

from .. import clock, store, world
from ..actors import require, system, visible
from ..core.commands import Accept, Actor, Confirm, Seen
from ..core.errors import Illegal
from ..core.state import JobState
from . import delivering, payloads
from .resolving import line_of

STATES = {True: "confirmed", False: "diverged", None: "unknown"}


def confirm(job: str | UUID, *, actor: Actor | None = None) -> list[dict[str, Any]]:
    """Run the confirm functions of a job's landed effects in this process, and keep their answers, also after its end.

    A mismatch in a job that has not ended has the consequence that the tool declares: the job fails (`strict`), its
    next step parks (`park`), or nothing but the record (`warn`). Nothing is ever executed again.

    Args:
        job: its id.
        actor: who asks; needs the permission to control.

    Returns:
        For each effect, in the order of its path: `invocation, node, tool, on_mismatch, state` (confirmed, diverged,
        unknown) and `evidence`. Unknown: nobody could tell, which is not kept.

    Raises:
        NotFound, NotAllowed; Illegal: inside a transaction, which would be held while the world is asked.
    """
    who = actor or system()
    require(who, "control")
    found = visible(job, who)
    if connection.in_atomic_block:
        raise Illegal(
            f"job {job}: effects are not confirmed inside a transaction; ask after it has ended",
            code="inside_transaction",
        )
    state = store.load(found)
    seen = world.look(state, _confirmable(state))
    if any(each.holds is not None for each in seen):
        store.commit(found, Confirm(seen, who), now=clock.database_now())
    return [_told(state, each) for each in seen]


def _confirmable(state: JobState) -> list[str]:
    """Landed, not undone, and of a tool that had a confirm function when it was called."""
    return sorted(
        path for path, asked in state.calls.items()
        if asked.landed and asked.status == "done" and asked.info.get("confirm")
    )  # fmt: skip


def _told(state: JobState, seen: Seen) -> dict[str, Any]:
    info = state.calls[seen.path].info
    return {
        "invocation": info["invocation"], "node": seen.path, "tool": info["tool"], "on_mismatch": info["confirm"],
        "state": STATES[seen.holds], "evidence": dict(seen.evidence),
    }  # fmt: skip


def accept_divergence(invocation: str | UUID, *, actor: Actor, comment: str = "") -> Invocation:
    """Let a job go on although the world does not show an effect, or nobody could tell. It is not asked for again.

    Args:
        invocation: the ledger line.
        actor: who says so; needs the permission to resolve.
        comment: why, in words.

    Returns:
        The ledger line, which keeps saying that the call landed.

    Raises:
        NotFound, NotAllowed; Stale: the world is not known to differ and nothing waits for it; Illegal: the job ends.
    """
    require(actor, "resolve")
    row = line_of(invocation, actor)
    wish = Accept(path=row.node, by=actor, comment=payloads.checked(comment, "the comment"))
    if not delivering.postponed(row.job_id, "accept", wish, actor):
        store.commit(row.job_id, wish, now=clock.database_now())
    return row
