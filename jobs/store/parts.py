"""Parts of bodies that stand elsewhere: which of them nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from ..bodies import ASIDE
from ..models import Blob, Event

AT_ONCE = 500


def remove(tenant: str, digests: Iterable[str]) -> int:
    """Remove those of the parts that no event of the tenant names (any more); gives how many.

    The rows are locked first: an append that names one of them has committed, so that its event is seen here, or waits
    until this transaction has ended and then writes the part anew.
    """
    wanted = sorted(set(digests))
    rows = Blob.objects.filter(tenant=tenant, sha256__in=wanted).order_by("sha256")
    if connection.features.has_select_for_update:
        rows = rows.select_for_update()
    there = list(rows.values_list("sha256", flat=True))
    if not there:
        return 0
    unused = sorted(set(there) - _named(tenant, set(there)))
    return Blob.objects.filter(tenant=tenant, sha256__in=unused).delete()[0] if unused else 0


def _named(tenant: str, digests: set[str]) -> set[str]:
    """Those that stand in the body of some event; a body names its parts by the member `ASIDE`."""
    found: set[str] = set()
    bodies = Event.objects.filter(tenant=tenant, body__contains=f'"{ASIDE}"').order_by("pk")
    for body in bodies.values_list("body", flat=True).iterator(AT_ONCE):
        found |= {digest for digest in digests - found if body and digest in body}
        if found == digests:
            break
    return found
