"""Jobs that are gone, and the holds that keep others: is each of them what was signed and chained?

Whoever takes a job out of the database must leave its signed tombstone. The access log says which holds, releases and
tombstones there must be, and what each said; the transparency log says which jobs there were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from jobs.core.chain import digest_of
from jobs.models import Hold, HoldRelease, Job, Tombstone
from jobs.tombstones import hold_record, problem_of, release_record, statement

from ..access import DONE
from ..log import keyring
from ..models import Access, LogLeaf
from ..proof import JOBS, Break
from .alarms import Finding

MOST = 1000  # of one kind
CHUNK = 500
RECORDS: dict[str, tuple[type[Model], str, Any]] = {
    "hold": (Hold, "id", hold_record),
    "release": (HoldRelease, "hold", release_record),
    "prune": (Tombstone, "job_id", statement),
}


def gone(tenant: str) -> Iterator[Finding]:
    """What is wrong with the tombstones and holds of a tenant, and which of its jobs are gone without one."""
    yield from _tombstones(tenant)
    yield from _without_tombstone(tenant)
    for verb in RECORDS:
        yield from _against_the_log(tenant, verb)
        yield from _not_in_the_log(tenant, verb)


def _finding(
    tenant: str, kind: str, model: type[Model], key: object, message: str, job: UUID | None = None
) -> Finding:
    return Finding(tenant, job, Break(kind, 0, message, model._meta.db_table, str(key)))


def _tombstones(tenant: str) -> Iterator[Finding]:
    keys = {key.public.hex(): key.name for key in keyring.known()}
    for row in Tombstone.objects.filter(tenant=tenant).order_by("job_id").iterator(CHUNK):
        problem = problem_of(row, keys)
        if problem is not None:
            message = f"the tombstone of job {row.job_id}: {problem}"
            yield _finding(tenant, "tombstone", Tombstone, row.job_id, message, row.job_id)
    there = Tombstone.objects.filter(Exists(Job.objects.filter(id=OuterRef("job_id"))), tenant=tenant)
    for job in there.values_list("job_id", flat=True)[:MOST]:
        message = f"job {job} has a tombstone, and is there all the same"
        yield _finding(tenant, "tombstone", Tombstone, job, message, job)


def _without_tombstone(tenant: str) -> Iterator[Finding]:
    """Jobs whose head stands in the transparency log."""
    lost = LogLeaf.objects.filter(
        ~Exists(Job.objects.filter(id=OuterRef("job_id"))),
        ~Exists(Tombstone.objects.filter(job_id=OuterRef("job_id"))),
        tenant=tenant,
        job_id__isnull=False,
    )
    seen: set[UUID | None] = set()
    for job, index in lost.order_by("job_id", "index").values_list("job_id", "index").iterator(CHUNK):
        if job in seen or len(seen) == MOST:
            continue
        seen.add(job)
        message = f"job {job} stands in the transparency log (leaf {index}), and is gone without a tombstone"
        yield Finding(tenant, job, Break("missing", 1, message, JOBS, str(job)))
    pruned = Tombstone.objects.filter(job_id=OuterRef("job_id"))
    heads = LogLeaf.objects.filter(Exists(pruned), tenant=tenant).order_by("job_id", "-seq")
    last: UUID | None = None
    for job, seq, text in heads.values_list("job_id", "seq", "text").iterator(CHUNK):
        if job == last or job is None:
            continue
        last = job
        row = Tombstone.objects.get(job_id=job)
        told = text.rstrip("\n").rpartition("\n")[2]
        if seq > row.head_seq or (seq == row.head_seq and told != row.head_hash):
            message = f"the tombstone of job {job} names another head than the transparency log (event {seq})"
            yield _finding(tenant, "tombstone", Tombstone, job, message, job)


def _entries(tenant: str, verb: str) -> QuerySet[Access]:
    return Access.objects.filter(tenant=tenant, action=verb, question=DONE[verb])


def _against_the_log(tenant: str, verb: str) -> Iterator[Finding]:
    """Every act that the access log tells of has left its row, and the row says what was chained."""
    model, column, record = RECORDS[verb]
    bodies = _entries(tenant, verb).order_by("seq").values_list("seq", "body").iterator(CHUNK)
    for some in _chunks(bodies):
        told = [(seq, *_bound(verb, text)) for seq, text in some]
        wanted = [each for each in (_id(key) for _, key, _ in told) if each is not None]
        rows = {
            str(getattr(row, column)): row
            for row in model._default_manager.filter(**{f"{column}__in": wanted})
        }
        for seq, key, digest in told:
            row = rows.get(key)
            if row is None:
                message = f"entry {seq} of the access log tells of a {verb} ({key}) of which no row is left"
                yield _finding(tenant, "missing", model, key, message, _id(key) if verb == "prune" else None)
            elif digest_of(record(row)) != digest:
                message = f"the row of {verb} {key} does not say what entry {seq} of the access log has bound"
                yield _finding(tenant, "tombstone" if verb == "prune" else "hold", model, key, message)


def _not_in_the_log(tenant: str, verb: str) -> Iterator[Finding]:
    """And there is no such row of which the access log does not tell."""
    model, column, _ = RECORDS[verb]
    rows = model._default_manager.filter(tenant=tenant).order_by(column)
    known: set[UUID | None] = set()
    if verb == "prune":  # there may be many: the database compares
        rows = rows.exclude(Exists(_entries(tenant, verb).filter(job_id=OuterRef(column))))
    else:
        bodies = _entries(tenant, verb).values_list("body", flat=True).iterator(CHUNK)
        known = {_id(_bound(verb, text)[0]) for text in bodies}
    for key in rows.values_list(column, flat=True).iterator(CHUNK):
        if key not in known:
            message = f"the access log tells of no {verb} {key}; its row was put in"
            yield _finding(tenant, "extra", model, key, message)


def _chunks(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    some: list[Any] = []
    for row in rows:
        some.append(row)
        if len(some) == CHUNK:
            yield some
            some = []
    yield some


def _bound(verb: str, text: str) -> tuple[str, str]:
    """Key and digest that an entry binds; a forged one, which verification of the access log finds, binds nothing."""
    try:
        told = json.loads(text)
        return str(told["job" if verb == "prune" else "target"]), str(told["digest"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "", ""


def _id(key: object) -> UUID | None:
    try:
        return UUID(str(key))
    except ValueError:
        return None
