"""Pause, resume, cancel."""

from __future__ import annotations

from uuid import UUID

from .. import clock, store
from ..actors import require, system, visible
from ..core.commands import Actor, Cancel, Command, Pause, Resume
from . import delivering, payloads


def _control(job: str | UUID, name: str, wish: Command, actor: Actor) -> None:
    require(actor, "control")
    if not delivering.postponed(job, name, wish, actor):
        store.commit(visible(job, actor), wish, now=clock.database_now())


def cancel(
    job: str | UUID, *, actor: Actor | None = None, reason: str = "", compensate: bool | None = None
) -> None:
    """End a job: nothing new starts, a running call is asked to stop, and the job ends once every promise is settled.

    Cancelling a cancelled job changes nothing.

    Args:
        compensate: undo what has landed before the job ends, or not; None: as the job's `on_failure` says.

    Raises:
        NotFound, NotAllowed; Ended: the job completed or failed before; Illegal: it ends already, and otherwise
        than `compensate` says.
    """
    who = actor or system()
    wish = Cancel(actor=who, reason=payloads.checked(reason, "the reason"), compensate=compensate)
    _control(job, "cancel", wish, who)


def pause(job: str | UUID, *, actor: Actor | None = None, reason: str = "") -> None:
    """Start nothing new until the job is resumed; running steps finish.

    Raises:
        NotFound, NotAllowed; Illegal: the job is ending or has ended.
    """
    who = actor or system()
    _control(job, "pause", Pause(actor=who, reason=payloads.checked(reason, "the reason")), who)


def resume(job: str | UUID, *, actor: Actor | None = None, reason: str = "") -> None:
    """Let a paused job go on.

    Raises:
        NotFound, NotAllowed; Illegal: it is not paused.
    """
    who = actor or system()
    _control(job, "resume", Resume(actor=who, reason=payloads.checked(reason, "the reason")), who)
