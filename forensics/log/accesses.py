"""The access log of a tenant: its chain, and then what the transparency log remembers of it."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from .. import access
from ..models import Access, LogLeaf
from .leaves import told
from .proofs import holds
from .writing import reached

CHUNK = 500


def verify_accesses(tenant: str) -> dict[str, Any]:
    """Check a tenant's whole access log, also against its leaves in the transparency log. Repairs nothing.

    Returns:
        `{ok, tenant, entries, head: {seq, hash}, witnessed, problem: {kind, seq, message} | None}`; `witnessed` is the
        number of the last entry under a checkpoint.
    """
    rows = LogLeaf.objects.filter(tenant=tenant, job_id__isnull=True)
    last = (
        rows.order_by("-seq").values_list("seq", flat=True).first() or 0
    )  # before the chain is read, which grows
    found = access.verify_accesses(tenant)
    if found["problem"] is None:
        found["problem"] = _forgotten(tenant, rows.filter(seq__lte=last), found["head"]["seq"])
        found["ok"] = found["problem"] is None
    signed = rows.filter(index__lt=reached()).order_by("-seq").first()
    return {**found, "witnessed": signed.seq if signed else 0}


def _forgotten(tenant: str, rows: QuerySet[LogLeaf], end: int) -> dict[str, Any] | None:
    """The first leaf that knows the access log otherwise."""
    some: list[tuple[int, int, str]] = []
    for row in rows.order_by("seq").values_list("index", "seq", "text").iterator(CHUNK):
        some.append(row)
        if len(some) == CHUNK:
            if problem := _compared(tenant, some, end):
                return problem
            some = []
    return _compared(tenant, some, end)


def _compared(tenant: str, leaves: list[tuple[int, int, str]], end: int) -> dict[str, Any] | None:
    hashes = dict(
        Access.objects.filter(tenant=tenant, seq__in=[seq for _, seq, _ in leaves]).values_list("seq", "hash")
    )
    for index, seq, text in leaves:
        said = told(text)
        if said is not None and (said.tenant, said.seq, said.hash) == (tenant, seq, hashes.get(seq)):
            continue
        if not holds(index, text):
            why = f"leaf {index} of the log is not the one that was signed; `aetheris log verify` looks at all of it"
            return {"kind": "broken_log", "seq": seq, "message": why}
        why = f"the log ends at entry {end}" if seq > end else f"entry {seq} is another"
        message = f"{why}, the transparency log knows entry {seq} otherwise (leaf {index}): the access log was rewritten"
        return {"kind": "rewritten_history", "seq": min(seq, end + 1), "message": message}
    return None
