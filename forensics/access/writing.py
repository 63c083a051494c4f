"""Writing the access log: one short transaction for each access, behind the lock of the tenant's head."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from django.db import Error, connection, transaction

from jobs import clock
from jobs.conf import conf
from jobs.core.chain import GENESIS, canonical
from jobs.core.errors import Unrecorded
from jobs.core.moments import text
from jobs.turns import turn
from jobs.viewing import Look, looked

from ..models import Access, AccessHead
from .chain import body_digest, link, repeated

log = logging.getLogger("aetheris.access")

LOCK_TIMEOUT_MS = 3000  # whoever holds the head writes two rows and lets go


def connect() -> None:
    """Listen to every look at jobs and at forensics."""
    looked.connect(listen, dispatch_uid="aetheris.access")


def listen(sender: Any, look: Look, **_: Any) -> None:
    """Write a look down.

    Raises:
        Unrecorded: it could not be written, and the setting `AUDIT_ACCESS` lets no such answer out.
    """
    mode = conf().AUDIT_ACCESS
    if mode == "off":
        return
    try:
        append(look)
    except Error as error:
        log.error("an access of %s (%s %s) was not recorded: %s", look.who.name, look.action, look.job, error)
        if look.status < 500 and (mode == "all" or (mode == "strict" and look.strict)):
            raise Unrecorded(
                "this access could not be written to the access log, so it is not answered; try again, and see "
                "/readyz if it stays so"
            ) from error


def append(look: Look) -> Access:
    """Write one access at the end of its tenant's log.

    Returns:
        The entry.

    Raises:
        django.db.Error: it was not written.
    """
    body = canonical(body_of(look))
    with turn(), transaction.atomic():
        head = _head(look.tenant)
        at = max(text(clock.now()), head.at)
        return _write(look, body, at, head)


def body_of(look: Look) -> dict[str, Any]:
    """What an entry says, as the chain binds it."""
    who = look.who
    return {
        "who": {"kind": who.kind, "id": who.id[:150], "name": who.name[:150], "token": who.token[:120]},
        "action": look.action[:20],
        "question": look.question[:60],
        "job": look.job,
        "target": look.target[:300],
        "digest": look.digest,
        "filters": list(look.filters),
        "outcome": look.outcome,
        "status": look.status,
        "code": look.code,
        "from": {"address": look.address, "agent": look.agent},
        "request": look.request,
    }


def _head(tenant: str) -> AccessHead:
    """The end of the log, locked."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
    locked = AccessHead.objects.select_for_update()
    head = locked.filter(tenant=tenant).first()
    if head is None:
        AccessHead.objects.bulk_create([AccessHead(tenant=tenant, hash=GENESIS)], ignore_conflicts=True)
        head = locked.get(tenant=tenant)
    return head


def _write(look: Look, body: str, at: str, head: AccessHead) -> Access:
    seq, digest = head.seq + 1, body_digest(body)
    hash = link(tenant=look.tenant, seq=seq, at=at, digest=digest, prev=head.hash)
    columns = repeated(body_of(look))
    job = columns.pop("job")
    entry = Access.objects.create(
        tenant=look.tenant, seq=seq, at=at, body=body, digest=digest, prev=head.hash, hash=hash,
        job_id=UUID(job) if job else None, **columns,
    )  # fmt: skip
    AccessHead.objects.filter(tenant=look.tenant).update(seq=seq, at=at, hash=hash)
    return entry
