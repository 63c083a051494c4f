"""Bearer tokens: made, checked and revoked. Only a digest is stored; the token itself is seen once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db.models import QuerySet

from . import clock
from .core.errors import Invalid, NotFound
from .models import Token

MARK = "aeth_"
SHOWN = 12  # how much of a token stays readable, to tell one from another


@dataclass(frozen=True)
class Minted:
    """A new token. `text` is what the client sends, and this is the only time it is known.

    Args:
        id: of the row, to revoke it by.
        text: the token.
        prefix: its readable beginning.
        expires_at: None means never.
    """

    id: int
    text: str
    prefix: str
    name: str
    tenant: str
    created_at: datetime
    expires_at: datetime | None


def create(
    user: Any, *, tenant: str, name: str = "", expires_at: datetime | None = None, under: Token | None = None
) -> Minted:
    """Make a token for a user.

    Args:
        user: whom it speaks for.
        tenant: whose rows it may see.
        name: what the user calls it.
        expires_at: when it stops working; None means never.
        under: the token that asked for it; the new one lives no longer than that.

    Returns:
        The token, with its text.

    Raises:
        Invalid: it would be expired at once, or outlive the token that asked for it.
    """
    now = clock.now()
    if expires_at is None and under is not None:
        expires_at = under.expires_at
    if expires_at is not None and expires_at <= now:
        raise _refused(f"{expires_at.isoformat()} has passed already; give a later time, or none")
    if under is not None and under.expires_at is not None and expires_at and expires_at > under.expires_at:
        raise _refused(f"a token made with {under.prefix}… ends with it, at {under.expires_at.isoformat()}")
    text = MARK + secrets.token_urlsafe(32)
    row = Token.objects.create(
        user=user, tenant=tenant, name=name, prefix=text[:SHOWN], digest=_digest(text), created_at=now,
        expires_at=expires_at,
    )  # fmt: skip
    return Minted(row.pk, text, row.prefix, name, tenant, now, expires_at)


def _refused(message: str) -> Invalid:
    return Invalid(
        f"the token was not made: {message}",
        code="bad_expiry",
        errors=[{"loc": ["expires_at"], "msg": message}],
    )


def verify(text: str) -> Token | None:
    """The living token behind a text, its user loaded; None for anything else.

    The row is found by the digest of 32 random bytes, so that the time of the search tells nothing
    about a token; the comparison of what was found is in constant time.
    """
    token = known(text)
    if token is None:
        return None
    expired = token.expires_at is not None and token.expires_at <= clock.now()
    if expired or token.revoked_at is not None or not token.user.is_active:
        return None
    return token


def known(text: str) -> Token | None:
    """The token behind a text, its user loaded, also one that has expired or was revoked: it lets nobody in."""
    if not text.startswith(MARK) or not text.isascii():
        return None
    digest = _digest(text)
    token = Token.objects.select_related("user").filter(digest=digest).first()
    return token if token is not None and secrets.compare_digest(token.digest, digest) else None


def revoke(user: Any, token_id: int) -> None:
    """End a token of this user at once. Ending it twice is ending it.

    Raises:
        NotFound: the user has no such token.
    """
    own = Token.objects.filter(user=user, pk=token_id)
    if not own.exists():
        raise NotFound(f"you have no token {token_id}; `GET /api/tokens` lists yours")
    own.filter(revoked_at=None).update(revoked_at=clock.now())


def tokens_of(user: Any) -> QuerySet[Token]:
    """Every token of a user, the newest first."""
    return Token.objects.filter(user=user).order_by("-id")


def _digest(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()
