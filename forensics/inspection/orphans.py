"""Rows that no job accounts for: looked for after the jobs themselves, by a verification of everything.

Each is one query for each table, which takes no lock and reads as of one moment; a job and its rows come in one commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.db.models import Count, Exists, F, Min, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from jobs.bodies import ASIDE
from jobs.conf import conf
from jobs.models import AgentInstance, Approval, Blob, Event, Job, Step, Tombstone
from ledger.models import CLOSED, Invocation

from .. import record
from ..proof import Break
from .alarms import Finding

MOST = 1000  # of one table: whoever has put in more is found all the same
BLOBS = 10_000  # digests that are held at once
TABLES: tuple[type[Model], ...] = (Event, Step, Approval, Invocation)


def orphans(tenant: str) -> Iterator[Finding]:
    """Rows of a tenant whose job does not exist, parts that no event names, agent instances that nobody wrote to and
    that yet have moved. Rows of a tenant without any job are the default tenant's to find."""
    for model in TABLES:
        yield from _without_job(model, tenant)
    yield from _unnamed_parts(tenant)
    yield from _moved_instances(tenant)


def _of(rows: QuerySet[Model], tenant: str) -> QuerySet[Model]:
    if tenant != conf().DEFAULT_TENANT:
        return rows.filter(tenant=tenant)
    nobodys = ~Exists(Job.objects.filter(tenant=OuterRef("tenant")))
    return rows.filter(Q(tenant=tenant) | Q(nobodys))


def _without_job(model: type[Model], tenant: str) -> Iterator[Finding]:
    table = model._meta.db_table
    rows = _of(model._default_manager.order_by(), tenant).filter(
        ~Exists(Job.objects.filter(id=OuterRef("job_id")))
    )
    if model is Invocation:  # a line that holds a key outlives its job, without its words
        pruned = Exists(Tombstone.objects.filter(job_id=OuterRef("job_id")))
        rows = rows.exclude(Q(pruned), args=CLOSED, result__isnull=True, error="")
    seq = F("seq") if model is Event else Value(0)
    found = rows.values("job_id").annotate(rows=Count("pk"), first=Coalesce(Min(seq), 0)).order_by("job_id")
    for each in found[:MOST]:
        message = f"{each['rows']} rows of {table} belong to job {each['job_id']}, which does not exist"
        place = Break("orphan", each["first"], message, table, str(each["job_id"]), "job_id")
        yield Finding(tenant, each["job_id"], place)


def _unnamed_parts(tenant: str) -> Iterator[Finding]:
    last = 0
    while True:
        rows = _of(Blob.objects.order_by("id"), tenant).filter(pk__gt=last)
        some = dict(rows.values_list("sha256", "pk")[:BLOBS])
        if not some:
            return
        last = max(some.values())
        for digest in sorted(_unnamed(set(some))):
            if Blob.objects.filter(
                pk=some[digest]
            ).exists():  # else it was erased meanwhile, with what named it
                message = f"part {digest[:12]}… stands in the store, and no event names it"
                yield Finding(
                    tenant, None, Break("orphan", 0, message, Blob._meta.db_table, digest, "sha256")
                )


def _unnamed(digests: set[str]) -> set[str]:
    """Those of the digests that stand in no event's body."""
    left = set(digests)
    bodies = Event.objects.filter(body__contains=f'"{ASIDE}"').order_by("pk").values_list("body", flat=True)
    for body in bodies.iterator(record.BATCH):
        left -= {each for each in _digests(body or "") if each in left}
        if not left:
            break
    return left


def _digests(body: str) -> Iterator[str]:
    """What may be a digest in a body's text; it was written by `canonical`."""
    for piece in body.split('"sha256":"')[1:]:
        yield piece[:64]


def _moved_instances(tenant: str) -> Iterator[Finding]:
    """Agent instances to which no job was a message: such a one is as it was created."""
    rows = AgentInstance.objects.filter(tenant=tenant)
    idle = rows.filter(
        ~Exists(Job.objects.filter(instance=OuterRef("id"))),
        ~Exists(Tombstone.objects.filter(instance=OuterRef("id"))),
    )
    moved = (row for row in idle.order_by("id").iterator(record.BATCH) if _has_moved(row))
    for row in islice(moved, MOST):
        message = f"agent instance {row.id} has been written to by no job, and is not as it was created"
        yield Finding(tenant, None, Break("orphan", 0, message, AgentInstance._meta.db_table, str(row.id)))


def _has_moved(row: AgentInstance) -> bool:
    turned = row.turn > 0 or row.current is not None or row.last_job is not None or row.kept is not None
    return turned or row.state != row.initial or row.heard_at != row.created_at
