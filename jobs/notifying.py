"""Whether, of what and how people are notified: `AETHERIS["NOTIFY"]`, read once for all who need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from ledger.outcomes import ToolCall

from .conf import conf
from .core.errors import Invalid
from .core.ids import idempotency_key, uuid_from
from .core.names import PlanError, seconds
from .core.occasions import Offset

AGENT = "aetheris.notify"
TEST = "test"  # the occasion of a message that somebody has a webhook tried with
_OPTIONS = frozenset({"url", "mail", "from", "remind", "private", "zone"})
_LONGEST_OFFSET = 16
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Notifying:
    """How people are notified.

    Args:
        url: address of the installation, as people reach it; links begin with it.
        mail: whether people get e-mail; webhooks are rows of their own.
        sender: the address that mails come from; empty: Django's `DEFAULT_FROM_EMAIL`.
        remind: how long before a deadline people are reminded.
        private: networks that a webhook may lead to although they are not public.
        zone: `package.module:callable`, from a user to the name of their time zone.
    """

    url: str
    mail: bool = True
    sender: str = ""
    remind: tuple[Offset, ...] = ()
    private: tuple[Network, ...] = ()
    zone: str = ""


def notifying() -> Notifying | None:
    """What the settings say; None where nobody is notified."""
    given = conf().NOTIFY
    return read(given) if given else None


def read(given: Mapping[str, Any]) -> Notifying | None:
    """Take the setting.

    Raises:
        ValueError: it cannot be meant.
    """
    if not given:
        return None
    if unknown := sorted(set(given) - _OPTIONS):
        raise ValueError(
            f"unknown option {', '.join(map(repr, unknown))}; it takes {', '.join(sorted(_OPTIONS))}"
        )
    url, zone = given.get("url"), given.get("zone", "")
    if (
        not isinstance(url, str)
        or urlsplit(url).scheme not in ("http", "https")
        or not urlsplit(url).hostname
    ):
        raise ValueError(
            "`url` is the address at which people reach this installation, such as https://agents.example.com"
        )
    if not isinstance(given.get("mail", True), bool) or not isinstance(given.get("from", ""), str):
        raise ValueError("`mail` is true or false, and `from` an address of e-mail")
    if not isinstance(zone, str) or (zone and ":" not in zone):
        raise ValueError("`zone` is package.module:callable, from a user to the name of their time zone")
    return Notifying(
        url=url.rstrip("/"), mail=given.get("mail", True), sender=given.get("from", ""),
        remind=tuple(_offset(each) for each in _listed(given, "remind")),
        private=tuple(ip_network(each) for each in _listed(given, "private")), zone=zone,
    )  # fmt: skip


def _listed(given: Mapping[str, Any], name: str) -> list[str]:
    found = given.get(name, [])
    if not isinstance(found, (list, tuple)) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"`{name}` is a list of texts")
    return list(found)


def _offset(text: str) -> Offset:
    try:
        span = seconds(text)
    except PlanError as error:
        raise ValueError(f"`remind`: {error}") from None
    if span <= 0 or len(text) > _LONGEST_OFFSET:
        raise ValueError(f"`remind`: {text!r} is no time before a deadline; write 1h or 30m")
    return Offset(text, span)


def notice_id(approval: str, occasion: str, seq: int, detail: str) -> str:
    """The notice of one occasion of an approval."""
    return uuid_from("aetheris.notice.v1", approval, occasion, str(seq), detail)


def notification_id(notice: str, by: str, to: str) -> str:
    """The job that tells one recipient of one notice: no second one can be made."""
    return uuid_from("aetheris.notification.v1", notice, by, to)


def is_ours(call: ToolCall, by: str, to: str, notice: str) -> bool:
    """Whether a call belongs to the job that the installation itself made for this, or to a retry of it.

    Ids of jobs that people ask for are drawn, and this one is computed: nobody can have something sent to whom they like.
    """
    return call.idempotency_key == idempotency_key(notification_id(notice, by, to), by)


def refuse_own(agent: str) -> None:
    """Refuse to be asked for what the installation asks of itself. Raises Invalid."""
    if agent == AGENT:
        raise Invalid(
            f"agent {AGENT} tells people of approvals, for the installation alone; ask for another agent",
            code="own_agent",
        )


def check(given: Mapping[str, Any]) -> None:
    """Refuse a setting that cannot be meant. Raises ValueError."""
    read(given)
