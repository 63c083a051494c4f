"""Who acts: a user by value, with tenant, groups and what they may do (Law L8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger import ToolCall

from .conf import conf
from .core.commands import SYSTEM, Actor
from .core.errors import NotAllowed, NotFound
from .models import Job
from .tombstones import refuse_gone

PERMISSIONS = {
    "submit": "aetheris_jobs.submit_job",
    "signal": "aetheris_jobs.signal_job",
    "control": "aetheris_jobs.control_job",
    "resolve": "aetheris_jobs.resolve_effect",
    "hold": "aetheris_jobs.hold_job",
    "erase": "aetheris_jobs.erase_job",
    "prune": "aetheris_jobs.prune_job",
    "webhooks": "aetheris_jobs.manage_webhook",
    "see_webhooks": "aetheris_jobs.view_webhook",
}
WORDS = {
    "submit": "submit jobs",
    "signal": "send signals or messages",
    "control": "pause, resume or cancel jobs",
    "resolve": "resolve unknown outcomes",
    "hold": "place or release legal holds",
    "erase": "erase what is on record",
    "prune": "prune jobs",
    "webhooks": "manage webhooks",
    "see_webhooks": "see webhooks",
}


def actor_of(user: Any, tenant: str | None = None) -> Actor:
    """A Django user as an actor.

    Args:
        user: an active user of the project's own user model.
        tenant: whose jobs they act on; the default tenant if None.
    """
    may = frozenset(name for name, codename in PERMISSIONS.items() if user.has_perm(codename))
    return Actor(
        id=str(user.pk), name=user.get_username(), groups=tuple(sorted(user.groups.values_list("name", flat=True))),
        tenant=tenant or conf().DEFAULT_TENANT, superuser=bool(user.is_superuser), may=may,
    )  # fmt: skip


def system(tenant: str | None = None) -> Actor:
    """The host project itself, where no user is named."""
    return Actor(id=SYSTEM.id, name=SYSTEM.name, kind="system", tenant=tenant or conf().DEFAULT_TENANT)


def sender_of(call: ToolCall) -> Actor:
    """The job whose tool is called, as the sender of a signal or message, or as who submits: evidence leads on to its step.

    Args:
        call: as the tool was given it.
    """
    return Actor(id=call.job_id, name=call.node, kind="job", tenant=call.tenant)


def require(actor: Actor, what: str) -> None:
    """Refuse an actor without the permission.

    Raises:
        NotAllowed: naming the permission that is missing.
    """
    if actor.kind == "user" and not actor.superuser and what not in actor.may:
        raise NotAllowed(
            f"{actor.name or actor.id} may not {WORDS[what]}: the permission {PERMISSIONS[what]} is missing",
            code="permission_missing",
        )


def visible(job: str | UUID, actor: Actor) -> UUID:
    """The job's id, if the actor's tenant owns it.

    Raises:
        NotFound: no such job, or another tenant's. Gone: it was pruned.
    """
    try:
        found = UUID(str(job))
    except ValueError:
        raise NotFound(f"there is no job {job!r}") from None
    if not Job.objects.filter(id=found, tenant=actor.tenant).exists():
        refuse_gone(actor.tenant, found)
        raise NotFound(f"there is no job {job}")
    return found
