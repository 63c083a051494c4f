"""Rows of webhooks: made, changed, their secrets rotated. They are no part of any job."""

from __future__ import annotations

import json
import secrets as dice
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from ledger import vault

from .. import clock
from ..core.commands import Actor
from ..core.errors import Invalid
from ..core.moments import parse, text
from ..core.occasions import OCCASIONS
from ..models import Webhook
from ..notifying import notifying
from ..turns import turn
from . import signing
from .outbound import Forbidden, target

TOOL = "notify_webhook"
TYPES = tuple(f"approval.{name}" for name in OCCASIONS)
KEPT = 5  # secrets of one webhook that are valid at a time
LONGEST_URL, LONGEST_NAME = 1000, 120
REFERENCE = "secret:"  # in the place of a secret: its name in AETHERIS["SECRETS"]


@dataclass(frozen=True)
class Made:
    """A webhook with what the receiver needs to know; this is the only time that a symmetric secret is shown."""

    row: Webhook
    secret: str


def create(tenant: str, wish: Mapping[str, Any], actor: Actor) -> Made:
    """Make a webhook.

    Args:
        tenant: whose approvals it is told of.
        wish: `url`; `name`, `events` (none: all), `secret` (`whsec_…`, `whsk_…` or `secret:NAME`; none: a new one),
            `asymmetric` (the new one is an Ed25519 key).
        actor: who makes it.

    Raises:
        Invalid: naming the field.
    """
    given = wish.get("secret") or ""
    new = "" if given else _new(signing.PRIVATE if wish.get("asymmetric") else signing.SYMMETRIC)
    now = clock.now()
    row = Webhook(
        id=uuid4(), tenant=tenant, url=_url(wish["url"]), name=_name(wish.get("name") or ""),
        events=json.dumps(_events(wish.get("events") or ())), secrets=_listed([_entry(new or _secret(given))]),
        created_at=now, created_by=actor.name or actor.id, changed_at=now,
    )  # fmt: skip
    with turn():
        row.save(force_insert=True)
    return Made(row, signing.public_of(new) or new)


def change(row: Webhook, wish: Mapping[str, Any]) -> Webhook:
    """Change `url`, `name`, `events` or `enabled`. Raises Invalid, naming the field."""
    if "url" in wish:
        row.url = _url(wish["url"])
    if "name" in wish:
        row.name = _name(wish["name"])
    if "events" in wish:
        row.events = json.dumps(_events(wish["events"]))
    if "enabled" in wish:
        row.enabled, row.disabled_why = wish["enabled"], "" if wish["enabled"] else "switched off by hand"
    row.changed_at = clock.now()
    with turn():
        row.save(update_fields=["url", "name", "events", "enabled", "disabled_why", "changed_at"])
    return row


def rotate(webhook: UUID, overlap: float, secret: str = "") -> Made:
    """Give a webhook a new secret; the ones before sign too for `overlap` seconds, so that no receiver fails meanwhile."""
    with turn(), transaction.atomic():
        row = Webhook.objects.select_for_update().get(id=webhook)
        now = clock.now()
        ends = now + timedelta(seconds=overlap)
        before = [each for each in json.loads(row.secrets) if _lives(each, now)]
        kind = (
            signing.PRIVATE
            if str(before and before[0]["secret"]).startswith(signing.PRIVATE)
            else signing.SYMMETRIC
        )
        new = "" if secret else _new(kind)
        older = [{**each, "until": min(each["until"] or text(ends), text(ends))} for each in before]
        row.secrets = _listed([_entry(new or _secret(secret)), *(older if overlap > 0 else [])][:KEPT])
        row.changed_at = now
        row.save(update_fields=["secrets", "changed_at"])
    return Made(row, signing.public_of(new) or new)


def disable(webhook: UUID, why: str) -> None:
    """Send nothing there any more."""
    with turn():
        Webhook.objects.filter(id=webhook).update(
            enabled=False, disabled_why=why[:200], changed_at=clock.now()
        )


def remove(row: Webhook) -> None:
    """End it. What was sent stays in the ledger."""
    with turn():
        row.delete()


def signers(row: Webhook) -> list[str]:
    """The secrets that sign now, the newest first. Whatever this process writes afterwards is searched for them.

    Raises:
        ledger.vault.SecretUnavailable: one that is named by reference cannot be read.
        ValueError: one that is named by reference is no secret of a webhook.
    """
    now, found = clock.now(), []
    for each in json.loads(row.secrets):
        if not _lives(each, now):
            continue
        name = each["secret"].removeprefix(REFERENCE)
        if name != each["secret"]:
            found.append(signing.checked(vault.read(name, tool=TOOL, tenant=row.tenant)))
        else:
            vault.remember("webhook", each["secret"])
            found.append(each["secret"])
    return found


def living(row: Webhook) -> int:
    """How many secrets sign now."""
    now = clock.now()
    return sum(_lives(each, now) for each in json.loads(row.secrets))


def _lives(entry: Mapping[str, Any], now: datetime) -> bool:
    return entry["until"] is None or parse(entry["until"]) > now


def _entry(secret: str) -> dict[str, str | None]:
    return {"secret": secret, "until": None}


def _listed(entries: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(entries), separators=(",", ":"))


def _new(prefix: str) -> str:
    return signing.made(prefix, dice.token_bytes(32))


def _refused(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", code="bad_webhook", errors=[{"loc": [field], "msg": message}])


def _url(url: str) -> str:
    told = notifying()
    try:
        if len(url) > LONGEST_URL:
            raise Forbidden(f"it is longer than {LONGEST_URL} characters")
        target(url, told.private if told else ())
    except Forbidden as error:
        raise _refused("url", f"it cannot be called: {error}") from None
    return url


def _name(name: str) -> str:
    if len(name) > LONGEST_NAME or not (name.isprintable()):
        raise _refused("name", f"up to {LONGEST_NAME} printable characters")
    return name


def _events(events: Sequence[str]) -> list[str]:
    if unknown := sorted(set(events) - set(TYPES)):
        raise _refused("events", f"there is no {', '.join(map(repr, unknown))}; there are {', '.join(TYPES)}")
    return sorted(set(events))


def _secret(given: str) -> str:
    if given.startswith(REFERENCE):
        return given
    try:
        return signing.checked(given)
    except ValueError as error:
        raise _refused("secret", f"{error}; or secret:NAME, a name in AETHERIS['SECRETS']") from None
