"""What was held, released, erased or pruned stands in the access log too, in the same transaction: so it is chained.

Unlike a look it is always written, whatever `AUDIT_ACCESS` says; if it cannot be, it was not done.
"""

from __future__ import annotations

from typing import Any

from jobs.archiving import Act, marked
from jobs.core.chain import digest_of
from jobs.viewing import Look, Who

from .writing import append

DONE = {
    "hold": "held",
    "release": "released",
    "erase": "erased",
    "prune": "pruned",
}  # verb -> question of its entry


def connect() -> None:
    """Listen to every such act."""
    marked.connect(write, dispatch_uid="aetheris.access.acts")


def write(act: Act, **_: Any) -> None:
    """Write an act down, with the digest of what stays of it."""
    who = Who(act.actor.kind, act.actor.id, act.actor.name or act.actor.id)
    append(Look(
        who=who, tenant=act.tenant, action=act.verb, question=DONE[act.verb], status=0, job=act.job, target=act.target,
        digest=digest_of(act.record), strict=True,
    ))  # fmt: skip
