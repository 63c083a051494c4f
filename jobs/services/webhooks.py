"""Webhooks: the verbs of those who may manage them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import QuerySet

from ledger.models import Invocation

from .. import clock
from ..actors import require
from ..core.commands import Actor
from ..core.errors import Illegal, Invalid, NotFound
from ..core.moments import text
from ..models import Webhook
from ..notify import endpoints
from ..notify.endpoints import Made
from ..notifying import TEST, notice_id, notification_id, notifying
from .notifying import submitted

OVERLAP = 24 * 3600.0  # seconds that an old secret signs beside the new one
LONGEST_OVERLAP = 30 * 24 * 3600.0


def webhooks(actor: Actor) -> QuerySet[Webhook]:
    """The webhooks of the actor's tenant. Raises NotAllowed: they may not even see them."""
    if not may_manage(actor):
        require(actor, "see_webhooks")
    return Webhook.objects.filter(tenant=actor.tenant)


def may_manage(actor: Actor) -> bool:
    """Whether somebody may change webhooks, and sees whole addresses: some services put a secret into them."""
    return actor.kind != "user" or actor.superuser or "webhooks" in actor.may


def address(row: Webhook, actor: Actor) -> str:
    """The address as this person may see it: without its path, unless they manage it."""
    parts = urlsplit(row.url)
    return row.url if may_manage(actor) else f"{parts.scheme}://{parts.netloc}/…"


def webhook(id: str | UUID, actor: Actor) -> Webhook:
    """One webhook. Raises NotAllowed; NotFound: none, or another tenant's."""
    rows = webhooks(actor)
    try:
        found = rows.filter(id=UUID(str(id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"there is no webhook {id}")
    return found


def require_manager(actor: Actor) -> None:
    """Refuse who may not manage webhooks, before anything that they sent is looked at. Raises NotAllowed."""
    require(actor, "webhooks")


def _managed(id: str | UUID, actor: Actor) -> Webhook:
    require(actor, "webhooks")
    return webhook(id, actor)


def add_webhook(wish: Mapping[str, Any], actor: Actor) -> Made:
    """Make a webhook; its secret is shown only now.

    Args:
        wish: `url`; `name`, `events`, `secret` (`whsec_…`, `whsk_…`, `secret:NAME`), `asymmetric`.
        actor: who makes it.

    Raises:
        NotAllowed, Invalid.
    """
    require(actor, "webhooks")
    return endpoints.create(actor.tenant, wish, actor)


def change_webhook(id: str | UUID, wish: Mapping[str, Any], actor: Actor) -> Webhook:
    """Change `url`, `name`, `events` or `enabled`. Raises NotAllowed, NotFound, Invalid."""
    return endpoints.change(_managed(id, actor), wish)


def rotate_webhook(id: str | UUID, actor: Actor, *, overlap: float = OVERLAP, secret: str = "") -> Made:
    """Give it a new secret; the old one signs beside it for `overlap` seconds. Raises NotAllowed, NotFound, Invalid."""
    if not 0 <= overlap <= LONGEST_OVERLAP:
        message = "from 0 seconds to 30 days"
        raise Invalid(
            f"overlap: {message}", code="bad_webhook", errors=[{"loc": ["overlap"], "msg": message}]
        )
    return endpoints.rotate(_managed(id, actor).id, overlap, secret)


def remove_webhook(id: str | UUID, actor: Actor) -> None:
    """Remove it; what was sent stays in the ledger. Raises NotAllowed, NotFound."""
    endpoints.remove(_managed(id, actor))


def test_webhook(id: str | UUID, actor: Actor) -> UUID:
    """Send it a `webhook.test`, through the ledger like everything that is sent; gives the job.

    Raises:
        NotAllowed, NotFound; Illegal: nobody is notified by this installation.
    """
    row = _managed(id, actor)
    if notifying() is None:
        raise Illegal("nothing is sent: AETHERIS['NOTIFY'] is not set", code="not_notifying")
    at = text(clock.now())
    goal = {
        "by": "webhook", "to": str(row.id), "approval": "", "job": "", "occasion": TEST, "seq": 0, "detail": at,
    }  # fmt: skip
    job = notification_id(notice_id("", TEST, 0, at), "webhook", str(row.id))
    submitted(job, goal, actor.tenant, TEST)
    return UUID(job)


def living(row: Webhook) -> int:
    """How many secrets sign now."""
    return endpoints.living(row)


def deliveries_of(row: Webhook) -> QuerySet[Invocation]:
    """What was sent to a webhook, or is to be: its lines in the ledger."""
    begin = f"{row.id}:"
    return Invocation.objects.filter(tenant=row.tenant, tool=endpoints.TOOL, business_key__startswith=begin)
