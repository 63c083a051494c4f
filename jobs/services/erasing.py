"""Erasing what a job has on record: for whoever may ask that, on what legal basis, and with a proof of what stayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django.db import connection

from .. import store
from ..actors import require, visible
from ..core.commands import Actor
from ..core.errors import Illegal, Invalid, Refused
from ..core.events import Fact
from ..models import Job
from ..queries import copies, holds
from ..store import erasure
from . import payloads

LONGEST = 2000  # characters of a reason and of a legal basis


def erase(
    job: str | UUID,
    *,
    legal_basis: str,
    reason: str,
    actor: Actor,
    events: Iterable[int] | None = None,
    paths: Iterable[str] | None = None,
    everything: bool = False,
    also_copies: bool = False,
) -> dict[str, Any]:
    """Erase bodies of a job that has ended, with every copy that its rows hold, in one commit; twice is once.

    Args:
        job: its id.
        legal_basis: on what ground, for example "Art. 17 (1) (b) GDPR".
        reason: why, in words.
        actor: who asks; needs the permission to erase.
        events: the numbers of the events whose bodies go.
        paths: steps or calls, each with everything below it.
        everything: all of them; exactly one of these three.
        also_copies: also what other jobs have copied of this one; each in a commit of its own.

    Returns:
        `{job, erased: [{seq, digest}], untouched, head_before, head, parts, copies: [{…, erased, refused}]}`.

    Raises:
        NotFound, NotAllowed, Invalid; Illegal: the job or one that comes from it runs or owes an outcome, something is
            still on its way from it, a legal hold stands, or this is inside a transaction.
    """
    found = _asked(job, actor)
    why = words(reason, "the reason"), words(legal_basis, "the legal basis")
    chosen = _chosen(Job.objects.only("id", "head_seq").get(id=found), events, paths, everything=everything)
    others = copies.copies_of(found, actor.tenant)
    done = store.erasure.erase(found, erasure.Wish(chosen, actor, *why), allowed)
    told = [
        _copy(each, actor, why) if also_copies else each.to_json(erased=0, refused=None) for each in others
    ]
    return {**_told(found, done), "copies": told}


def _asked(job: str | UUID, actor: Actor) -> UUID:
    require(actor, "erase")
    found = visible(job, actor)
    if connection.in_atomic_block:
        raise Illegal(f"job {job}: nothing is erased inside a transaction; ask after it has ended",
                      code="inside_transaction")  # fmt: skip
    return found


def preview(
    job: str | UUID,
    *,
    actor: Actor,
    events: Iterable[int] | None = None,
    paths: Iterable[str] | None = None,
    everything: bool = False,
) -> dict[str, Any]:
    """What an erasing would take, and what stands against it; nothing is changed.

    Returns:
        `{job, events: [{seq, type, node, at}], copies: [{job, relation, status}], refused: {code, message} | None}`.

    Raises:
        NotFound, NotAllowed, Invalid.
    """
    require(actor, "erase")
    found = visible(job, actor)
    row = Job.objects.get(id=found)
    chosen = _chosen(row, events, paths, everything=everything)
    seqs = {each.seq for each in erasure.chosen_of(found, row.tenant, chosen)}
    listed = [
        {"seq": fact.seq, "type": fact.type, "node": fact.node, "at": fact.at}
        for fact, _ in store.recorded(found) if fact.seq in seqs
    ]  # fmt: skip
    refused = None
    try:
        allowed(row)
    except Refused as against:
        refused = {"code": against.code, "message": against.message}
    others = [each.to_json() for each in copies.copies_of(found, actor.tenant)]
    return {"job": str(found), "events": listed, "copies": others, "refused": refused}


def words(given: Any, what: str) -> str:
    if not isinstance(given, str) or not given.strip() or len(given) > LONGEST:
        raise Invalid(f"{what} is text of 1 to {LONGEST} characters", code="reason_missing")
    return str(payloads.checked(given.strip(), what))


def _chosen(
    job: Job, events: Iterable[int] | None, paths: Iterable[str] | None, *, everything: bool
) -> Callable[[Fact], bool]:
    """What belongs to a choice.

    Raises:
        Invalid: none, or several of the three; an event that the job does not have.
    """
    if [events is not None, paths is not None, everything].count(True) != 1:
        raise Invalid("say which: events, paths, or everything", code="no_choice")
    if everything:
        return lambda fact: True
    if events is not None:
        wanted = set(events)
        strange = sorted(each for each in wanted if isinstance(each, bool) or not 1 <= each <= job.head_seq)
        if strange:
            raise Invalid(f"job {job.id} has events 1 to {job.head_seq}, and none numbered {strange[0]}",
                          code="no_such_event")  # fmt: skip
        return lambda fact: fact.seq in wanted
    roots = tuple(paths or ())
    if not roots or any(not isinstance(each, str) or not each for each in roots):
        raise Invalid("paths are names of steps, or of calls as the trace gives them", code="no_choice")
    return lambda fact: any(fact.node == root or fact.node.startswith(f"{root}/") for root in roots)


def allowed(job: Job) -> None:
    """Judge an erasing, or a pruning, of a job as it stands.

    Raises:
        Illegal: saying what stands against it.
    """
    if job.finished_at is None:
        raise Illegal(
            f"job {job.id} is {job.status}: only what a job has finished with is erased; cancel it, or wait for "
            "its end",
            code="job_running",
        )
    holds.refuse_held(job)
    copies.refuse_unsettled(job)


def _told(job: UUID, done: erasure.Erased) -> dict[str, Any]:
    return {
        "job": str(job),
        "erased": [{"seq": seq, "digest": digest} for seq, digest in done.events],
        "untouched": done.before[0] - len(done.events),
        "head_before": {"seq": done.before[0], "hash": done.before[1]},
        "head": {"seq": done.after[0], "hash": done.after[1]},
        "parts": done.parts,
    }


def _copy(each: copies.Copy, actor: Actor, why: tuple[str, str]) -> dict[str, Any]:
    """Erase what another job has copied; what stands against it is told, and the others go on."""
    job = UUID(each.job)
    try:
        row = Job.objects.only("id", "head_seq").get(id=job)
        chosen = _chosen(row, None, each.paths or None, everything=not each.paths)
        done = store.erasure.erase(job, erasure.Wish(chosen, actor, *why), allowed)
    except Refused as refused:
        return each.to_json(erased=0, refused={"code": refused.code, "message": refused.message})
    return each.to_json(erased=len(done.events), refused=None)
