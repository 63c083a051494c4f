"""Legal holds: what may neither be erased nor pruned, until somebody releases it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError

from .. import clock, store
from ..actors import require, visible
from ..core.commands import Actor
from ..core.errors import Illegal, Invalid, KeyReused, NotFound
from ..core.ids import uuid_from
from ..core.moments import text
from ..models import Hold, HoldRelease
from ..queries.holds import SCOPES, TERMS, stored
from ..queries.jobs import STATUSES
from . import payloads
from .erasing import words

LONGEST = 200  # characters of a reference


def hold(
    scope: str, value: Any, *, reason: str, actor: Actor, key: str | None = None, reference: str = ""
) -> Hold:
    """Place a legal hold.

    Args:
        scope: `job`, `tag`, `agent`, `requester` or `query`.
        value: the job's id, the tag, the agent, the id or name of who asked; of a query an object of `agent`, `version`,
            `status`, `tag`, `requester`, `since` and `until` (by creation), of which all must hold.
        reason: why, in words.
        actor: who places it; needs the permission to hold.
        key: the same key and hold again give the same hold, however often it is asked for.
        reference: the case or file number under which others know it; may be empty.

    Returns:
        The hold. It covers every job that fits, also one that comes later, and what comes from such a job.

    Raises:
        NotAllowed; NotFound: no such job; Gone: it was pruned; Invalid; KeyReused: the key is another hold's.
    """
    require(actor, "hold")
    why = words(reason, "the reason")
    if scope not in SCOPES:
        raise Invalid(f"a hold is on one of {', '.join(SCOPES)}, not on {scope!r}", code="bad_scope")
    kept = stored(_value(scope, value, actor))
    case = _reference(reference)
    id = uuid4() if key is None else UUID(uuid_from("aetheris.hold.v1", actor.tenant, key))
    if key is not None and (before := _before(id, (scope, kept, why, case), key)) is not None:
        return before
    row = Hold(
        id=id, tenant=actor.tenant, scope=scope, value=kept, reason=why, reference=case, placed_by=actor.id[:150],
        placed_by_name=(actor.name or actor.id)[:150], placed_at=clock.now(),
    )  # fmt: skip
    try:
        return store.keeping.place(row, actor)
    except IntegrityError:  # somebody was faster with the same key
        before = _before(id, (scope, kept, why, case), key)
        if before is None:
            raise
        return before


def _reference(given: Any) -> str:
    if not isinstance(given, str) or len(given) > LONGEST or any(ord(each) < 32 for each in given):
        raise Invalid(
            f"the reference is one line of at most {LONGEST} characters, such as a case number",
            code="bad_reference",
        )
    return str(payloads.checked(given.strip(), "the reference"))


def _before(id: UUID, asked: tuple[str, str, str, str], key: str | None) -> Hold | None:
    row = Hold.objects.filter(id=id).first()
    if row is not None and (row.scope, row.value, row.reason, row.reference) != asked:
        raise KeyReused(
            f"the key {key!r} was used for another legal hold, {id}; use a new key for a new hold"
        )
    return row


def release(hold: str | UUID, *, reason: str, actor: Actor) -> HoldRelease:
    """Release a legal hold. Both rows stay.

    Raises:
        NotAllowed; NotFound: no such hold; Illegal: it was released before.
    """
    require(actor, "hold")
    why = words(reason, "the reason")
    try:
        found = Hold.objects.filter(id=UUID(str(hold)), tenant=actor.tenant).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"there is no legal hold {hold}")
    try:
        return store.keeping.release(found.id, actor.tenant, why, actor, clock.now())
    except IntegrityError:
        raise Illegal(f"legal hold {hold} has been released before", code="released_already") from None


def _value(scope: str, value: Any, actor: Actor) -> Any:
    if scope == "query":
        return _query(value)
    if not isinstance(value, str) or not 1 <= len(value) <= 255:
        raise Invalid(f"the value of a hold on a {scope} is text of 1 to 255 characters", code="bad_value")
    return str(visible(value, actor)) if scope == "job" else value


def _query(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise Invalid(f"a query is an object of {', '.join(TERMS)}", code="bad_query")
    found = {}
    for name, told in value.items():
        if name not in TERMS or not isinstance(told, str) or not told:
            raise Invalid(
                f"{str(name)[:40]!r}: a query has {', '.join(TERMS)}, each with text", code="bad_query"
            )
        found[str(name)] = _moment(name, told) if name in ("since", "until") else told
    if found.get("status") not in (None, *STATUSES):
        raise Invalid(f"status: {found['status']!r} is none of {', '.join(STATUSES)}", code="bad_query")
    return found


def _moment(name: str, told: str) -> str:
    try:
        found = datetime.fromisoformat(told.upper())
        if found.tzinfo is None:
            raise ValueError("without its offset it is no moment")
    except ValueError:
        raise Invalid(
            f"{name}: {told[:40]!r} is no RFC 3339 time with its offset", code="bad_query"
        ) from None
    return text(found)
