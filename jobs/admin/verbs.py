"""The verbs of a job as buttons: which ones its row leaves open, and what each asks before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from jobs import services
from jobs.core.commands import Actor
from jobs.models import Job

from .forms import Channelled, Letter, Reason

Cleaned = Mapping[str, Any]


@dataclass(frozen=True)
class Verb:
    """One thing that a person may ask of a job.

    Args:
        name: in the address.
        label: on the button.
        may: the permission it needs, as in `Actor.may`.
        asks: the form of the page between.
        warning: what it will do, said before it is done.
        done: what is said after.
        call: the verb itself.
        open: whether a job that has not ended offers it.
    """

    name: str
    label: str
    may: str
    asks: type[forms.Form]
    warning: str
    done: str
    call: Callable[[Job, Actor, Cleaned], object]
    open: Callable[[Job], bool] = lambda job: True


def _signal(job: Job, actor: Actor, told: Cleaned) -> object:
    return services.signal(job.id, told["name"], told["payload"], id=told["id"], actor=actor)


def _message(job: Job, actor: Actor, told: Cleaned) -> object:
    return services.send_message(job.id, told["name"], told["payload"], id=told["id"], actor=actor)


VERBS = {
    verb.name: verb
    for verb in (
        Verb("signal", "Send a signal", "signal", Letter, "A wait of that name takes it.", "Signal sent.", _signal),
        Verb("message", "Send a message", "signal", Channelled, "It goes to that channel.", "Message sent.", _message),
        Verb(
            "pause", "Pause", "control", Reason,
            "Nothing new starts until the job is resumed; calls that are open settle.", "Job paused.",
            lambda job, actor, told: services.pause(job.id, actor=actor, reason=told["reason"]),
            lambda job: job.status != "paused" and job.phase == "open",
        ),
        Verb(
            "resume", "Resume", "control", Reason, "The job goes on where it stood.", "Job resumed.",
            lambda job, actor, told: services.resume(job.id, actor=actor, reason=told["reason"]),
            lambda job: job.status == "paused",
        ),
        Verb(
            "cancel", "Cancel", "control", Reason,
            "Nothing new starts; open calls settle first, then the job ends as cancelled. This cannot be undone.",
            "Cancellation asked for.",
            lambda job, actor, told: services.cancel(job.id, actor=actor, reason=told["reason"]),
            lambda job: job.phase == "open",
        ),
    )
}  # fmt: skip


def offered(job: Job, actor: Actor) -> list[Verb]:
    """The verbs that this job's row and this actor's permissions leave open; the verb itself has the last word."""
    if job.finished_at is not None:
        return []
    return [verb for verb in VERBS.values() if verb.may in actor.may and verb.open(job)]
