"""Retry and fork: a new job from the record of another one (Laws L2, E9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from ledger import services as ledger

from .. import store
from ..actors import require, system, visible
from ..core import past as record
from ..core.chain import digest_of
from ..core.commands import Actor, ForkJob, Given
from ..core.copying import sources
from ..core.errors import Illegal, Invalid
from ..core.past import Past
from ..models import Job
from ..offered import check_goal, chosen_definition
from ..queries.ancestry import landed_in_children, newest_of, pruned_after
from ..tombstones import gone
from . import payloads
from .submitting import checked_key, known, new_id

SAME: Any = object()  # the goal of the job that is forked


def retry(job: str | UUID, *, actor: Actor | None = None, idempotency_key: str | None = None) -> UUID:
    """Try again a job that has failed or was cancelled, as a new job with the same idempotency keys.

    What had settled is taken over: no landed call is made again. Inside a caller's transaction the new job exists if
    that one commits.

    Args:
        job: the job; the latest of its retries, if it was retried before.
        actor: who asks; the host project itself if None.
        idempotency_key: the same key gives the same new job.

    Returns:
        The new job's id.

    Raises:
        NotFound, NotAllowed, Invalid, KeyReused; Illegal: the job has not ended or is completed, was retried before, or
            has a call that may have landed and is never made again.
    """
    who, source = _asked(job, actor)
    digest = digest_of({"retry": str(source)})
    found = known(who.tenant, checked_key(idempotency_key), digest)
    if found is not None:
        return found
    _newest(source, who.tenant)
    past = _past(source, None)
    return _born(ForkJob(str(new_id()), past, "retry", who), idempotency_key, digest)


def fork(
    job: str | UUID,
    at: int,
    *,
    goal: Any = SAME,
    confirm: Collection[str | UUID] = (),
    actor: Actor | None = None,
    idempotency_key: str | None = None,
) -> UUID:
    """Start a new job from one event of another, with idempotency keys of its own.

    What had settled up to that event is taken over; inside a caller's transaction the new job exists if that one
    commits.

    Args:
        job: the job; it may still run.
        at: the number of the last event that is taken over.
        goal: another goal, where the job's own can still be replaced.
        confirm: the invocations that landed after that event (or may have) and may now happen once more: exactly those
            that the refusal `landed_after_cut` lists.
        actor: who asks; the host project itself if None.
        idempotency_key: the same key and request give the same new job.

    Returns:
        The new job's id.

    Raises:
        NotFound, NotAllowed, Invalid, TooLarge, KeyReused; Illegal: the event lies inside an open promise, a promise of
            the job is unresolved, or calls that landed later are not confirmed.
    """
    who, source = _asked(job, actor)
    given = None if goal is SAME else Given(payloads.checked(goal, "the goal"))
    request: dict[str, Any] = {"fork": str(source), "at": at, **({"goal": given.value} if given else {})}
    found = known(who.tenant, checked_key(idempotency_key), digest_of(request))
    if found is not None:
        return found
    wish = _cut(_past(source, _number(at)), at, who, given, frozenset(map(str, confirm)))
    return _born(wish, idempotency_key, digest_of(request))


def _cut(past: Past, at: int, who: Actor, given: Given | None, confirm: frozenset[str]) -> ForkJob:
    if not 1 <= at <= past.now.seq:
        raise Invalid(
            f"job {past.now.job} has no event {at}; its last one is {past.now.seq}", code="no_such_event"
        )
    flow = given is not None and _fits(past, given.value)
    return ForkJob(str(new_id()), past, "fork", who, given, confirm, landed_in_children(past), flow)


def _number(at: Any) -> int:
    if isinstance(at, bool) or not isinstance(at, int):
        raise Invalid("`at` is the number of an event", code="no_such_event")
    return at


def _asked(job: str | UUID, actor: Actor | None) -> tuple[Actor, UUID]:
    who = actor or system()
    for what in ("submit", "control"):
        require(who, what)
    return who, visible(job, who)


def _past(source: UUID, at: int | None) -> Past:
    """The job's record, cut.

    Raises:
        Illegal: what would be taken over was undone since; a recalled effect may be another job's to undo.
    """
    past = record.read(str(source), store.recorded(source), at)
    kept = record.carried(past.then).calls
    calls = {path: str(each["invocation"]) for path, each in sources(past).items() if path in kept}
    undone = ledger.undone(list(calls.values()))
    if undone:
        names = ", ".join(sorted(path for path, invocation in calls.items() if invocation in undone))
        raise Illegal(
            f"job {source}: the effect of {names} was compensated, so its result cannot be taken over; fork the job "
            "at an event before it",
            code="effects_compensated",
            calls=sorted(undone),
        )
    return past


def _fits(past: Past, goal: Any) -> bool:
    """Refuse a goal that the agent's version does not take; whether that agent is a workflow."""
    definition = chosen_definition(past.now.agent, past.now.version)
    check_goal(definition, goal)
    return definition.form == "workflow"


def _newest(source: UUID, tenant: str) -> None:
    """Refuse early what the unique key would refuse after the whole record has been read."""
    row = Job.objects.only("origin", "generation").get(id=source)
    later = pruned_after(tenant, row.origin, row.generation)
    if later is not None:
        raise gone(later)
    newest = newest_of(tenant, row.origin)
    if newest.id != source:
        raise _retried(source, newest)


def _retried(source: str | UUID, newest: Job) -> Illegal:
    stands = f"it is {newest.status}" + (": retry that one" if newest.finished_at is not None else "")
    return Illegal(
        f"job {source} was retried already, as job {newest.id} ({stands}); two retries of one job never run side by side",
        code="retried_already",
        job=str(newest.id),
    )


def _born(wish: ForkJob, key: str | None, digest: str) -> UUID:
    """Insert wins: of two retries of one job the database lets one through."""
    more: Mapping[str, Any] = {"idempotency_key": key, "request_digest": digest} if key is not None else {}
    wish = replace(wish, key=key)
    # A savepoint: the loser of a race must not break the caller's transaction.
    within = transaction.atomic() if connection.in_atomic_block else nullcontext()
    try:
        with within:
            store.create(wish, **more)
    except IntegrityError:
        tenant = wish.actor.tenant
        found = known(tenant, key, digest)
        if found is not None:
            return found
        newest = newest_of(tenant, wish.past.now.origin)
        if wish.how != "retry" or newest.generation <= wish.past.now.generation:
            raise
        raise _retried(wish.past.now.job, newest) from None
    return UUID(wish.job)
