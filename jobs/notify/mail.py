"""The tool that sends one mail to one person: at most once, because nobody can ask a mail server what became of it."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection as database

from ledger.outcomes import NotLanded, ToolCall
from ledger.retry import Retry
from ledger.tools import tool

from ..core.occasions import WAITING
from ..models import Approval
from ..notifying import Notifying, is_ours, notice_id, notifying
from .message import Message, message

TIMEOUT = 30.0  # seconds; of one answer of the mail server a little less
RETRY = Retry(max_attempts=8, backoff=5.0, factor=4.0, max_backoff=3600.0)
# The server has refused before it took the mail: it was certainly not sent.
REFUSED = (
    smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError, smtplib.SMTPHeloError,
    smtplib.SMTPNotSupportedError,
)  # fmt: skip
PERMANENT = 500  # SMTP codes from here on: another try would end the same way (RFC 5321, 4.2.1)


def _key(approval: str, occasion: str, seq: int, detail: str, to: str, **_: Any) -> str:
    return f"{approval}:{occasion}:{seq}:{detail}:{to}"


@tool(effect="at_most_once", timeout=TIMEOUT, retry=RETRY, key=_key)
def notify_mail(
    approval: str, occasion: str, seq: int, detail: str, to: str, call: ToolCall
) -> dict[str, Any]:
    """Tell one person by e-mail of one occasion of an approval.

    Args:
        approval: its id.
        occasion: asked, delegated, escalated, reminder, decided, expired or withdrawn.
        seq: the event that it follows from.
        detail: of a reminder, how long before the deadline.
        to: primary key of the user.
    """
    if not is_ours(call, "mail", to, notice_id(approval, occasion, seq, detail)):
        raise NotLanded("only the installation itself sends notifications", permanent=True)
    told = notifying()
    if told is None or not told.mail:
        return _not_sent("AETHERIS['NOTIFY'] sends no mail")
    row = Approval.objects.filter(id=approval, tenant=call.tenant).first()
    user = get_user_model()._default_manager.filter(pk=to, is_active=True).first()
    if row is None or user is None:
        return _not_sent("the approval or the user is gone")
    if occasion in WAITING and row.state != "open":
        return _not_sent(f"the approval is {row.state} already")
    address = getattr(user, type(user).get_email_field_name(), "")
    if not address:
        return _not_sent("the user has no address")
    ready = _mail(message(row, occasion, detail, user, told), address, told, call)
    database.close()  # a mail server may take its time
    _send(ready)
    return {"sent": True, "why": "", "message_id": ready.extra_headers["Message-ID"]}


def _not_sent(why: str) -> dict[str, Any]:
    return {"sent": False, "why": why, "message_id": ""}


def _mail(said: Message, address: str, told: Notifying, call: ToolCall) -> EmailMultiAlternatives:
    host = urlsplit(told.url).hostname or "aetheris.invalid"
    mail = EmailMultiAlternatives(
        said.subject, said.text, told.sender or settings.DEFAULT_FROM_EMAIL, [address],
        headers={
            "Message-ID": f"<{call.idempotency_key}@{host}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic answers, please
        },
    )  # fmt: skip
    mail.attach_alternative(said.html, "text/html")
    return mail


def _send(mail: EmailMultiAlternatives) -> None:
    """Send it. Once the server may have taken it, an error says nothing about what became of it (design: E5)."""
    server = get_connection()
    if getattr(server, "timeout", TIMEOUT) is None:
        setattr(server, "timeout", TIMEOUT / 2)  # noqa: B010 - only some backends have it
    with _nothing_sent((smtplib.SMTPException, OSError)):
        server.open()
    try:
        with _nothing_sent(REFUSED):
            server.send_messages([mail])
    finally:
        server.close()


@contextmanager
def _nothing_sent(errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        raise NotLanded(_told(error), permanent=_is_final(error)) from None


def _told(error: Exception) -> str:
    """What went wrong, without the server's words: they may repeat the address."""
    code = _code(error)
    return f"the mail server refused: {type(error).__name__}" + (f" ({code})" if code else "")


def _code(error: Exception) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return min((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def _is_final(error: Exception) -> bool:
    return _code(error) >= PERMANENT and not isinstance(error, smtplib.SMTPAuthenticationError)
