"""The tool that tells one webhook: idempotent, because the receiver knows each message by its `webhook-id`."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from django.db import connection as database

from ledger.outcomes import NotLanded, ToolCall
from ledger.retry import Retry
from ledger.tools import tool
from ledger.vault import SecretUnavailable

from .. import clock
from ..core.moments import plus
from ..core.names import seconds
from ..core.occasions import REMINDER
from ..models import Approval, Event, Webhook
from ..notifying import TEST, Notifying, is_ours, notice_id, notifying
from ..queries.events import wire
from . import endpoints, signing
from .message import link
from .outbound import Broken, Forbidden, Unreachable, post

TIMEOUT, LIMIT = 25.0, 15.0  # seconds: of the call, and of the exchange within it
RETRY = Retry(max_attempts=9, backoff=5.0, factor=6.0, max_backoff=36_000.0)  # over more than a day
SHOWN = 200  # characters of an answer that are kept
GONE = 410


def _key(webhook: str, approval: str, occasion: str, seq: int, detail: str, **_: Any) -> str:
    return f"{webhook}:{approval}:{occasion}:{seq}:{detail}"


@tool(effect="idempotent", name=endpoints.TOOL, timeout=TIMEOUT, retry=RETRY, key=_key)
def notify_webhook(
    webhook: str, approval: str, occasion: str, seq: int, detail: str, call: ToolCall
) -> dict[str, Any]:
    """Tell one webhook of one occasion of an approval.

    Args:
        webhook: its id.
        approval: its id; empty for a test.
        occasion: asked, delegated, escalated, reminder, decided, expired, withdrawn, or test.
        seq: the event that it follows from.
        detail: of a reminder, how long before the deadline; of a test, when it was asked for.
    """
    if not is_ours(call, "webhook", webhook, notice_id(approval, occasion, seq, detail)):
        raise NotLanded("only the installation itself sends notifications", permanent=True)
    told = notifying()
    row = Webhook.objects.filter(id=webhook, tenant=call.tenant).first()
    if told is None or row is None or not (row.enabled or occasion == TEST):
        return _not_sent("the webhook is removed or disabled, or nobody is notified")
    said = _said(row, approval, occasion, seq, detail, told)
    if said is None:
        return _not_sent("the approval is gone")
    body = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
    id = "msg_" + call.idempotency_key.removeprefix("aet-")
    signed = signing.headers(_signers(row), id, int(clock.now().timestamp()), body)
    database.close()  # the other side may take its time
    return _sent(row, signed, body, told)


def _not_sent(why: str) -> dict[str, Any]:
    return {"sent": False, "why": why, "status": 0, "webhook_id": "", "sha256": "", "answer": ""}


def _signers(row: Webhook) -> list[str]:
    try:
        return endpoints.signers(row)
    except SecretUnavailable as error:
        raise NotLanded(str(error), permanent=error.permanent) from None
    except ValueError as error:
        raise NotLanded(f"the secret that the webhook refers to is none: {error}", permanent=True) from None


def _sent(row: Webhook, signed: dict[str, str], body: bytes, told: Notifying) -> dict[str, Any]:
    try:
        answer = post(row.url, signed, body, private=told.private, seconds=LIMIT)
    except Forbidden as error:
        raise NotLanded(f"webhook {row.id} may not be called: {error}", permanent=True) from None
    except Unreachable as error:
        raise NotLanded(f"webhook {row.id}: {error}") from None
    except Broken as error:  # it may have been received: the same id is sent again, and known there
        raise TimeoutError(f"webhook {row.id}: {error}") from None
    if answer.status == GONE:
        endpoints.disable(row.id, "it answered 410 Gone")
        raise NotLanded(f"webhook {row.id} answered 410: it is disabled now", permanent=True)
    if not 200 <= answer.status < 300:
        raise NotLanded(f"webhook {row.id} answered {answer.status}", retry_after=answer.retry_after)
    return {
        "sent": True, "why": "", "status": answer.status, "webhook_id": signed["webhook-id"],
        "sha256": sha256(body).hexdigest(), "answer": answer.text[:SHOWN],
    }  # fmt: skip


def _said(
    row: Webhook, approval: str, occasion: str, seq: int, detail: str, told: Notifying
) -> dict[str, Any] | None:
    """The message: from events, so that it is the same in every attempt; None where they are gone."""
    if occasion == TEST:
        return {"type": "webhook.test", "timestamp": detail, "data": {"webhook": str(row.id)}}
    asked = Approval.objects.filter(id=approval, tenant=row.tenant).first()
    if asked is None:
        return None
    events = Event.objects.filter(job_id=asked.job_id, node=asked.node, seq__lte=seq)
    put = events.filter(type="approval_requested").order_by("-seq")[:1]
    found = {each["type"]: each for each in wire([*put, *events.filter(seq=seq)], row.tenant)}
    question, answer = found["approval_requested"], found.get("approval_decided")
    return {
        "type": f"approval.{occasion}",
        "timestamp": _at(question, answer, occasion, detail),
        "data": _data(asked, question["body"] or {}, (answer or {}).get("body") or {}, detail, told),
    }


def _at(question: dict[str, Any], answer: dict[str, Any] | None, occasion: str, detail: str) -> str:
    if occasion == REMINDER and question["body"]:
        return plus(question["body"]["deadline"], -seconds(detail))
    return str((answer or question)["at"])


def _data(
    asked: Approval, put: dict[str, Any], answer: dict[str, Any], detail: str, told: Notifying
) -> dict[str, Any]:
    data = {
        "approval": str(asked.id), "job": str(asked.job_id), "node": asked.node, "tenant": asked.tenant,
        "url": link(asked, told), "digest": asked.digest,
        **{name: put.get(name) for name in ("question", "groups", "users", "quorum", "four_eyes", "deadline", "on_timeout")},
    }  # fmt: skip
    if detail:
        data["before_deadline"] = detail
    if answer:
        data |= {name: answer.get(name) for name in ("decision", "effect", "comment")}
        data |= {name: (answer.get(key) or {}).get("name") for name, key in (("by", "actor"), ("to", "to"))}
    return data
