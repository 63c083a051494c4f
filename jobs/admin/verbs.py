"""The verbs of a job as buttons: which ones its row leaves open, and what each asks before it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from jobs import services
from jobs.core.commands import Actor
from jobs.core.errors import NotFound
from jobs.models import Job
from jobs.services.resolving import line_of

from .forms import Acceptance, Cancelling, Channelled, Erasing, Holding, Letter, Pruning, Reason

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
        open: whether a job offers it.
        after_the_end: whether that is one that has ended, or (False) one that has not; None: either.
        leads: whether it gives the id of a new job, whose page comes next.
    """

    name: str
    label: str
    may: str
    asks: type[forms.Form]
    warning: str
    done: str
    call: Callable[[Job, Actor, Cleaned], object]
    open: Callable[[Job], bool] = lambda job: True
    after_the_end: bool | None = False
    leads: bool = False


def _signal(job: Job, actor: Actor, told: Cleaned) -> object:
    return services.signal(job.id, told["name"], told["payload"], id=told["id"], actor=actor)


def _message(job: Job, actor: Actor, told: Cleaned) -> object:
    return services.send_message(job.id, told["name"], told["payload"], id=told["id"], actor=actor)


def _accept(job: Job, actor: Actor, told: Cleaned) -> object:
    if line_of(told["name"], actor).job_id != job.id:
        raise NotFound(f"job {job.id} has no invocation {told['name']}")
    return services.accept_divergence(told["name"], actor=actor, comment=told["comment"])


def _erase(job: Job, actor: Actor, told: Cleaned) -> None:
    paths = [each.strip() for each in told["paths"].split(",") if each.strip()]
    choice: dict[str, Any] = {"paths": paths} if paths else {"everything": True}
    services.erase(
        job.id, legal_basis=told["legal_basis"], reason=told["reason"], actor=actor,
        also_copies=told["also_copies"], **choice,
    )  # fmt: skip


def _hold(job: Job, actor: Actor, told: Cleaned) -> None:
    services.hold("job", str(job.id), reason=told["reason"], reference=told["reference"], actor=actor)


def _prune(job: Job, actor: Actor, told: Cleaned) -> None:
    services.prune_seen(
        job.id, head=told["head"], reason=told["reason"], legal_basis=told["legal_basis"], actor=actor,
        archived=told["archive"],
    )  # fmt: skip


def _cancel(job: Job, actor: Actor, told: Cleaned) -> None:
    services.cancel(job.id, actor=actor, reason=told["reason"], compensate=told["compensate"])


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
            "confirm", "Confirm effects", "control", forms.Form,
            "The confirm functions of the job's tools are run now; where the world does not show an effect, the job "
            "fails or parks, as its tool declares. Nothing is executed again.",
            "The world was asked; its answers stand in the events.",
            lambda job, actor, told: services.confirm(job.id, actor=actor),
            lambda job: job.phase == "open",
        ),
        Verb(
            "world", "Accept a divergence", "resolve", Acceptance,
            "The job goes on although the world does not show this effect. It is not asked for again.",
            "Recorded: the job goes on.", _accept,
            lambda job: '"world"' in job.parked_on,
        ),
        Verb(
            "cancel", "Cancel", "control", Cancelling,
            "Nothing new starts; open calls settle first, what has landed is undone if that is asked for, then the job "
            "ends as cancelled. This cannot be undone.",
            "Cancellation asked for.",
            _cancel,
            lambda job: job.phase in ("open", "failing"),
        ),
        Verb(
            "retry", "Retry", "control", forms.Form,
            "A new job begins with what had settled here and tries the rest again under the same keys; no call that "
            "landed is made again.",
            "A new job tries again.", lambda job, actor, told: services.retry(job.id, actor=actor),
            lambda job: job.status in ("failed", "cancelled"), after_the_end=True, leads=True,
        ),
        Verb(
            "hold", "Place a legal hold", "hold", Holding,
            "While the hold stands, nothing of this job is erased or pruned, whatever retention says; nor anything of what "
            "comes from it: forks, retries, children, messages.",
            "The hold stands.", _hold, after_the_end=None,
        ),
        Verb(
            "erase", "Erase", "erase", Erasing,
            "The bodies go for ever, with every copy that rows of this job hold. Their digests stay, so the chain still "
            "verifies. This cannot be undone.",
            "Erased; the last event says what, for whom and why.", _erase, after_the_end=True,
        ),
        Verb(
            "prune", "Prune", "prune", Pruning,
            "The whole job leaves the database for ever: events, calls, approvals. Its signed tombstone stays, and its keys "
            "stay spent. This cannot be undone.",
            "Pruned; this is its tombstone.", _prune, after_the_end=True,
        ),
    )
}  # fmt: skip


def offered(job: Job, actor: Actor) -> list[Verb]:
    """The verbs that this job's row and this actor's permissions leave open; the verb itself has the last word."""
    ended = job.finished_at is not None
    fit = [verb for verb in VERBS.values() if verb.after_the_end in (None, ended) and verb.open(job)]
    return [verb for verb in fit if verb.may in actor.may]
