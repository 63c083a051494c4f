"""Deliveries: what one job, or a host's own transaction, owes a job (Law L7)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from ledger.crashpoints import crashpoint

from .. import clock, knocks, store
from ..actors import visible
from ..core.commands import (
    SYSTEM,
    Accept,
    Actor,
    Answer,
    Cancel,
    Command,
    CreateJob,
    EndChild,
    ForkJob,
    NoteFork,
    Pause,
    Resume,
    SendMessage,
    SendSignal,
    TakeTurn,
    Unhold,
    Vote,
)  # fmt: skip
from ..core.errors import Busy, Gone, NotFound, Refused
from ..models import Delivery, Job
from ..offered import check_goal, chosen_definition, version_of
from ..outage import AWAY, in_a_line
from ..store import deliveries
from . import heirs

log = logging.getLogger("aetheris.deliveries")
BATCH = 100
MESSAGE: tuple[str, ...] = ("due", "message", "not_before", "sender")


def postponed(job: str | UUID, name: str, wish: Any, actor: Actor) -> bool:
    """Inside a caller's transaction: write the command as a delivery, and say so.

    It takes effect if the caller commits; a refusal that only the job can give is then no more than logged.

    Raises:
        NotFound: no such job, or another tenant's.
    """
    if not connection.in_atomic_block:
        return False
    key = visible(job, actor)
    deliveries.send(key, name, _plain(asdict(wish)), tenant=actor.tenant, at=clock.now())
    transaction.on_commit(knocks.deliver, robust=True)
    return True


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset | tuple | list):
        return [_plain(item) for item in (sorted(value) if isinstance(value, frozenset) else value)]
    return value


def _actor(data: dict[str, Any], tenant: str) -> Actor:
    return Actor(
        id=data["id"], name=data.get("name", ""), kind=data.get("kind", "user"), tenant=tenant,
        groups=tuple(data.get("groups", ())), superuser=bool(data.get("superuser")),
        may=frozenset(data.get("may", ())),
    )  # fmt: skip


def _letter(kind: Any) -> Callable[[dict[str, Any], str], Command]:
    def build(body: dict[str, Any], tenant: str) -> Command:
        for name in ("actor", "by", "to"):
            if body.get(name):
                body[name] = _actor(body[name], tenant)
        command: Command = kind(**body)
        return command

    return build


def _cancel(body: dict[str, Any], tenant: str) -> Command:
    actor = _actor(body["actor"], tenant) if "actor" in body else SYSTEM
    return Cancel(actor=actor, reason=body["reason"], compensate=body.get("compensate"))


COMMANDS: dict[str, Callable[[dict[str, Any], str], Command]] = {
    "signal": _letter(SendSignal),
    "message": _letter(SendMessage),
    "vote": _letter(Vote),
    "answer": _letter(Answer),
    "accept": _letter(Accept),
    "pause": _letter(Pause),
    "resume": _letter(Resume),
    "cancel": _cancel,
    "forked": _letter(NoteFork),
    "end_child": lambda body, tenant: EndChild(**body),
    "unhold": lambda body, tenant: Unhold(node=body["step"], path=body["path"]),
    "turn": lambda body, tenant: TakeTurn(**body),
}


def deliver_due(limit: int = BATCH) -> int:
    """Carry out the deliveries that are due; each goes in its receiver's own commit.

    Returns:
        How many were looked at; `limit` means there may be more.
    """
    rows = deliveries.due(clock.database_now(), limit)
    for row in rows:
        try:
            _carry_out(row)
        except (*AWAY, Busy) as outage:
            log.warning("delivery %s (%s to job %s): %s", row.id, row.command, row.job_id, in_a_line(outage))
            _later(row, in_a_line(outage))
        except Exception:
            log.exception(
                "delivery %s (%s to job %s) failed; it is tried again", row.id, row.command, row.job_id
            )
            _later(row, "it raised; see the log")
    return len(rows)


def _carry_out(row: Delivery) -> None:
    body = json.loads(row.body)
    crashpoint("before_delivery")
    try:
        if row.command in BEYOND_ONE_JOB:
            BEYOND_ONE_JOB[row.command](row, body)
        else:
            store.commit(row.job_id, COMMANDS[row.command](body, row.tenant), delivery=str(row.id))
    except store.Delivered:
        log.debug("delivery %s has been carried out by another process", row.id)
    except Refused as refused:
        if isinstance(refused, NotFound) and _may_come_to_exist(row):
            _later(row, str(refused))  # its receiver may be a delivery itself
            return
        log.info("delivery %s: job %s refuses %s: %s", row.id, row.job_id, row.command, refused)
        deliveries.drop(row)


def _may_come_to_exist(row: Delivery) -> bool:
    return row.command not in BEYOND_ONE_JOB and not Job.objects.filter(id=row.job_id).exists()


def _create(row: Delivery, body: dict[str, Any]) -> None:
    """A child job; one that cannot be born is reported to its parent as failed."""
    parent = body["parent"]
    try:
        name, version = version_of(body["agent"])
        definition = chosen_definition(name, version)
        check_goal(definition, body["goal"])
    except Refused as refused:
        store.commit(parent["job"], _unborn(row, parent, refused), delivery=str(row.id))
        return
    actor = _actor(body["actor"], row.tenant)
    if "retries" in body and _taken_up(row, body, actor):
        return
    try:
        store.create(
            CreateJob(job=str(row.job_id), agent=name, version=definition.version, goal=body["goal"], actor=actor,
                      parent=parent, priority=body["priority"], on_failure=body.get("on_failure", "fail")),
            delivery=str(row.id),
        )  # fmt: skip
    except (IntegrityError, store.Delivered):  # born already: a repeated delivery
        deliveries.drop(row)


def _unborn(row: Delivery, parent: dict[str, str], refused: Refused) -> EndChild:
    error = {"code": refused.code, "message": refused.message}
    return EndChild(path=parent["node"], job=str(row.job_id), status="failed", error=error)


def _begun(row: Delivery, parent: dict[str, str], wish: ForkJob | EndChild) -> None:
    if isinstance(wish, ForkJob):
        try:
            store.create(wish, delivery=str(row.id))
            return
        except Gone as pruned:  # since we looked
            wish = _unborn(row, parent, pruned)
    store.commit(parent["job"], wish, delivery=str(row.id))


def _taken_up(row: Delivery, body: dict[str, Any], actor: Actor) -> bool:
    """A retry's child goes on with the work of the one before it; False if that one asked for something else."""
    parent = body["parent"]
    try:
        before = heirs.before(body["retries"], row.tenant, body["agent"], body["goal"])
        if before is None:
            return False
        if before.finished_at is None:
            _later(row, f"job {before.id}, which it takes up, has not ended")
            return True
        wish = heirs.child(str(row.job_id), before, parent, actor)
    except Refused as refused:  # pruned or erased: to begin anew could do what it did once more
        wish = _unborn(row, parent, refused)
    try:
        _begun(row, parent, wish)
    except store.Delivered:
        deliveries.drop(row)
    except IntegrityError:  # born already; or the one before it is being retried by somebody else
        born = Job.objects.filter(id=row.job_id).exists()
        deliveries.drop(row) if born else _later(row, f"job {body['retries']} is retried by somebody else")
    return True


def _message(row: Delivery, body: dict[str, Any]) -> None:
    """A message to an agent instance becomes a job, whatever has become of the agent's goal since it was sent."""
    told = {name: body[name] for name in MESSAGE if name in body}
    wish = CreateJob(
        job=str(row.job_id), agent=body["agent"], version=body["version"], goal=body["body"],
        actor=_actor(body["actor"], row.tenant), instance={**told, "id": body["instance"]},
    )  # fmt: skip
    store.accept(wish, request_digest=body.get("digest", ""), delivery=str(row.id))


BEYOND_ONE_JOB: dict[str, Callable[[Delivery, dict[str, Any]], None]] = {
    "create": _create,
    "message_instance": _message,
    "call_up": lambda row, body: store.mailbox.call_up(row.job_id, delivery=str(row.id)),
    "pause_instance": lambda row, body: store.mailbox.pause(row.job_id, body["by"], delivery=str(row.id)),
    "resume_instance": lambda row, body: store.mailbox.resume(row.job_id, delivery=str(row.id)),
    "delete_instance": lambda row, body: store.mailbox.delete(row.job_id, body["by"], delivery=str(row.id)),
}


def _later(row: Delivery, why: str) -> None:
    if not deliveries.put_off(row, why, clock.now()):
        log.warning("delivery %s is dropped: %s", row.id, why)
