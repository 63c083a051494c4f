"""The public keys of the log: the one that signs now, those that have signed, and those that the settings pin."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Warning

from jobs import clock, keys
from jobs.conf import conf
from jobs.keys import NoSigningKey, Signer
from jobs.turns import turn

from ..models import LogKey
from ..notes import Key, named, read_key


def signer() -> Signer:
    """The key that signs now.

    Raises:
        NoSigningKey: none is configured, or its name is no name of a log.
    """
    found = keys.signer()
    try:
        named(found.name)
    except ValueError as error:
        raise NoSigningKey(
            f"the log cannot be signed: AETHERIS['LOG_ORIGIN']: {error}", code="no_signing_key"
        ) from error
    return found


def signing() -> Key | None:
    """The public key that signs now; None where nothing can be signed."""
    try:
        found = keys.signer()
    except NoSigningKey:
        return None
    return Key(found.name, found.public)


def known() -> list[Key]:
    """The keys whose checkpoints are believed here: the one that signs now, and the retired ones.

    The retired ones are those of the setting `LOG_KEYS`, which nobody can change who has only the database; where it
    is empty, those that the database remembers.
    """
    now = signing()
    pinned = conf().LOG_KEYS
    texts = list(pinned) if pinned else list(LogKey.objects.values_list("vkey", flat=True))
    found = [] if now is None else [now]
    return found + [key for key in map(read_key, texts) if key not in found]


def remember(key: Key) -> None:
    """Note that a key has signed; those before it are retired."""
    if LogKey.objects.filter(vkey=str(key), retired_at__isnull=True).exists():
        return
    now = clock.now()
    with turn():
        LogKey.objects.filter(retired_at__isnull=True).exclude(vkey=str(key)).update(retired_at=now)
        LogKey.objects.update_or_create(
            vkey=str(key), defaults={"retired_at": None}, create_defaults={"first_at": now}
        )


def checked(**_: Any) -> list[CheckMessage]:
    """The system check of a deployment: without a key nothing is logged, exported or pruned."""
    try:
        signer()
    except NoSigningKey as error:
        hint = "Make one with `aetheris keygen` and name it in AETHERIS['SIGNING_KEY']."
        return [
            Warning(
                f"No checkpoint, package or tombstone can be signed: {error}", hint=hint, id="aetheris.W001"
            )
        ]
    return []
