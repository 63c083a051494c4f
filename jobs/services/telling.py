"""Words to a job: signals and messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from .. import clock, store
from ..actors import require, system, visible
from ..core.commands import Actor, SendMessage, SendSignal
from . import delivering, payloads


def signal(
    job: str | UUID, name: str, payload: Any = None, *, id: str | None = None, actor: Actor | None = None
) -> str:
    """Send a signal. The same id again is accepted and changes nothing, also after the end.

    Args:
        job: to whom.
        name: which wait it is for; signals of one name are taken first in, first out.
        payload: any JSON up to the limit.
        id: the sender's own id, for safe repetition; a fresh one if None.
        actor: who sends; the host project itself if None.

    Returns:
        The id.

    Raises:
        NotFound, NotAllowed, Invalid, TooLarge; Ended: a new signal to a job that has ended.
    """
    who = actor or system()
    require(who, "signal")
    wish = SendSignal(
        name=payloads.name(name, "signal"), payload=payloads.checked(payload, "the signal's payload"),
        id=payloads.letter_id(id), actor=who,
    )  # fmt: skip
    if not delivering.postponed(job, "signal", wish, who):
        store.commit(visible(job, who), wish, now=clock.database_now())
    return wish.id


def send_message(
    job: str | UUID, channel: str, payload: Any = None, *, id: str | None = None, actor: Actor | None = None
) -> str:
    """Send a message to a channel of a job; arguments, result and errors as for `signal`."""
    who = actor or system()
    require(who, "signal")
    wish = SendMessage(
        channel=payloads.name(channel, "channel"), payload=payloads.checked(payload, "the message's payload"),
        id=payloads.letter_id(id), actor=who,
    )  # fmt: skip
    if not delivering.postponed(job, "message", wish, who):
        store.commit(visible(job, who), wish, now=clock.database_now())
    return wish.id
