"""Unknown outcomes: a person says what became of a call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger.models import Invocation

from .. import clock, store
from ..actors import require
from ..core.commands import Actor, Answer
from ..core.errors import Invalid, NotFound
from . import delivering, payloads

VERDICTS = ("landed", "absent", "fail")


def resolve(
    invocation: str | UUID, verdict: str, *, actor: Actor, result: Any = None, comment: str = ""
) -> Invocation:
    """Settle an unknown outcome.

    Args:
        invocation: the ledger line.
        verdict: `landed` (with its result: the step goes on with it), `absent` (it did not happen: the call is made
            again with the same key), `fail` (the step fails; whether it happened stays unknown in the books).
        actor: who says so; needs the permission to resolve.
        result: for `landed`.
        comment: the evidence, in words.

    Returns:
        The ledger line after it.

    Raises:
        NotFound, NotAllowed, Invalid; Stale: the outcome is not unknown (any more).
    """
    require(actor, "resolve")
    if verdict not in VERDICTS:
        raise Invalid(f"an outcome is resolved as {', '.join(VERDICTS)}, not {verdict!r}", code="bad_verdict")
    if verdict != "landed" and result is not None:
        raise Invalid(f"a result belongs to `landed` only, not to `{verdict}`", code="result_without_landing")
    row = line_of(invocation, actor)
    wish = Answer(
        path=row.node, verdict=verdict, by=actor, result=payloads.checked(result, "the result"),
        comment=payloads.checked(comment, "the comment"), evidence={"said_by": actor.name or actor.id},
    )  # fmt: skip
    if not delivering.postponed(row.job_id, "answer", wish, actor):
        store.commit(row.job_id, wish, now=clock.database_now())
        row.refresh_from_db()
    return row


def line_of(invocation: str | UUID, actor: Actor) -> Invocation:
    """A ledger line of the actor's tenant.

    Raises:
        NotFound: no such line, or another tenant's.
    """
    try:
        found = Invocation.objects.filter(id=UUID(str(invocation)), tenant=actor.tenant).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"there is no invocation {invocation} in the ledger")
    return found
