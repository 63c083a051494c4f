"""Agent instances: create one, send it messages, pause, resume and delete it. Each message is one job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from .. import clock, knocks, store
from ..actors import require, system
from ..core.commands import Actor, CreateJob
from ..core.errors import Illegal, Invalid, KeyReused
from ..core.mailbox import message_job, request_digest
from ..core.moments import due as due_at
from ..core.moments import text
from ..core.names import PlanError, deadline
from ..models import AgentInstance, Job, Tombstone
from ..notifying import refuse_own
from ..offered import check_goal, chosen_definition, version_of
from ..queries.instances import instance_for
from ..store import deliveries
from . import payloads
from .submitting import new_id


def create_agent(
    agent: str, *, name: str | None = None, state: Any = None, actor: Actor | None = None
) -> UUID:
    """A new instance of an agent, which keeps its state from one message to the next.

    Args:
        agent: `"support"`: each message runs the version of its time; `"support@2"`: always that one.
        name: to be called by; unique among the living instances of the tenant.
        state: the object that it begins with.
        actor: who creates it; the host project itself if None.

    Returns:
        The instance's id.

    Raises:
        NotAllowed, TooLarge; Invalid: unknown agent, a bad name or state; Illegal: the name is taken.
    """
    who = actor or system()
    require(who, "submit")
    base, version = version_of(agent)
    refuse_own(base)
    chosen_definition(base, version)
    plain = payloads.checked({} if state is None else state, "the state")
    if not isinstance(plain, dict):
        raise Invalid("the state of an agent instance is a JSON object", code="bad_state")
    label = None if name is None else _label(name)
    id = new_id()
    try:
        store.mailbox.add(
            id,
            tenant=who.tenant,
            by=who.name or who.id,
            state=plain,
            name=label,
            agent=base,
            version=version or "",
        )
    except IntegrityError:
        raise Illegal(f"there is an agent instance named {label!r} already", code="agent_exists") from None
    return id


def _label(text: str) -> str:
    label = payloads.name(text, "agent instance")
    try:
        UUID(label)
    except ValueError:
        return label
    raise Invalid(f"{label!r} reads like an id; an agent instance needs another name", code="bad_name")


def message_agent(
    instance: str | UUID,
    body: Any,
    *,
    id: str | None = None,
    not_before: Any = None,
    actor: Actor | None = None,
) -> UUID:
    """Send a message to an agent instance: it becomes one job, and jobs of one instance run one at a time, in order.

    Args:
        instance: its id or name.
        body: the goal of the job.
        id: the sender's own id: the same id and body give the same job, however often they are sent.
        not_before: a duration from now, or a time; the message is not taken sooner, and takes its place in the line
            then.
        actor: who sends it; the host project itself if None.

    Returns:
        The job's id. Inside a caller's transaction the job comes into being after that commits.

    Raises:
        NotFound, NotAllowed, TooLarge; Invalid: a body that does not fit the agent; KeyReused;
        Illegal: the instance is deleted.
    """
    who = actor or system()
    require(who, "submit")
    row = instance_for(who.tenant, instance)
    plain = payloads.checked(body, "the message")
    digest = request_digest(plain, not_before) if id is not None else ""
    job = UUID(message_job(str(row.id), payloads.letter_id(id))) if id is not None else new_id()
    told = {"id": str(row.id), "due": _due(not_before), **_given(message=id, not_before=not_before)}
    if id is None or not _known(job, digest):
        _send(row, CreateJob(str(job), row.agent, "", plain, who, instance=told), digest)
    return job


def _send(row: AgentInstance, wish: CreateJob, digest: str) -> None:
    if row.deleted_at is not None:
        raise Illegal(
            f"agent {row.name or row.id} has been deleted; it takes no messages", code="agent_deleted"
        )
    definition = chosen_definition(row.agent, row.version or None)
    check_goal(definition, wish.goal)
    whole = replace(wish, version=definition.version)
    if connection.in_atomic_block:
        _owe(UUID(wish.job), "message_instance", _letter(whole, digest), wish.actor)
    else:
        store.accept(whole, request_digest=digest)


def _letter(wish: CreateJob, digest: str) -> dict[str, Any]:
    """A message as a delivery carries it."""
    told = dict(wish.instance or {})
    return {
        "instance": told.pop("id"), "agent": wish.agent, "version": wish.version, "body": wish.goal,
        "actor": wish.actor.to_json(), "digest": digest, **told,
    }  # fmt: skip


def _due(not_before: Any) -> str | None:
    if not_before is None:
        return None
    try:
        return due_at(deadline(not_before), text(clock.now()))
    except PlanError as error:
        raise Invalid(f"not_before: {error}", code="bad_not_before") from None


def _given(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _known(job: UUID, digest: str) -> bool:
    kept = Job.objects.filter(id=job).values_list("request_digest", flat=True)
    before = (
        kept.first() or Tombstone.objects.filter(job_id=job).values_list("request_digest", flat=True).first()
    )
    if before is not None and before != digest:
        raise KeyReused(
            f"the message id was used for job {job} with another message; use a new id for a new message"
        )
    return before is not None


def pause_agent(instance: str | UUID, *, actor: Actor | None = None) -> None:
    """Begin no further message until it is resumed. The job whose turn it is goes on; messages are still taken.

    Raises:
        NotFound, NotAllowed; Illegal: the instance is deleted.
    """
    who = actor or system()
    row = _living(instance, who)
    if not _postponed(row, "pause_instance", who):
        store.mailbox.pause(row.id, who.name or who.id)


def resume_agent(instance: str | UUID, *, actor: Actor | None = None) -> None:
    """Go on with the next message in line. An instance that is not paused stays as it is.

    Raises:
        NotFound, NotAllowed; Illegal: the instance is deleted.
    """
    who = actor or system()
    row = _living(instance, who)
    if not _postponed(row, "resume_instance", who):
        store.mailbox.resume(row.id)


def delete_agent(instance: str | UUID, *, actor: Actor | None = None) -> None:
    """Take no message any more and cancel those that wait. The job whose turn it is goes on; the row stays.

    Deleting a deleted instance changes nothing.

    Raises:
        NotFound, NotAllowed.
    """
    who = actor or system()
    require(who, "control")
    row = instance_for(who.tenant, instance)
    if not _postponed(row, "delete_instance", who):
        store.mailbox.delete(row.id, who.name or who.id)


def _living(instance: str | UUID, who: Actor) -> AgentInstance:
    require(who, "control")
    row = instance_for(who.tenant, instance)
    if row.deleted_at is not None:
        raise Illegal(f"agent {row.name or row.id} has been deleted", code="agent_deleted")
    return row


def _postponed(row: AgentInstance, command: str, who: Actor) -> bool:
    """Inside a caller's transaction: it is done after that commits, and the row is not locked as long."""
    if not connection.in_atomic_block:
        return False
    _owe(row.id, command, {"by": who.name or who.id}, who)
    return True


def _owe(receiver: UUID, command: str, body: dict[str, Any], who: Actor) -> None:
    deliveries.send(receiver, command, body, tenant=who.tenant, at=clock.now())
    transaction.on_commit(knocks.deliver, robust=True)
