"""Redaction profiles by name: the built-in ones, those of the settings, and where their keys come from."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from jobs.conf import conf
from jobs.core.errors import Invalid

from ..redaction import ASSOCIATED, BUILT_IN, BadRule, Keys, Redactor, Rule

PROFILES_KEY = "REDACTION"
NONE = "none"


def names() -> list[str]:
    """Every profile that may be asked for."""
    return sorted({*BUILT_IN, *_own()})


def redactor(name: str, tenant: str, encrypt_key: bytes | None = None) -> Redactor | None:
    """What applies a profile to a job of a tenant; None where nothing is withheld.

    Args:
        name: of the profile.
        tenant: whose values stay equal to each other.
        encrypt_key: 32 bytes, instead of the one of the settings.

    Raises:
        Invalid: there is no such profile, a rule of it cannot be meant, or it encrypts without a key.
    """
    rules = rules_of(name)
    if not rules:
        return None
    key = encrypt_key or _configured("ENCRYPT_KEY")
    if key is not None and len(key) != 32:
        raise Invalid("the key of encrypted fields has 32 bytes: 64 hex digits", code="bad_encryption_key")
    if key is None and any(rule.how == "encrypt" for rule in rules):
        raise Invalid(
            f"the profile {name!r} encrypts, and there is no key: set AETHERIS['REDACTION']['ENCRYPT_KEY'] to file:PATH or "
            "env:NAME with 64 hex digits",
            code="no_encryption_key",
        )
    return Redactor(rules, Keys(_hash_key(tenant), key), _encrypt)


def rules_of(name: str) -> tuple[Rule, ...]:
    """The rules of a profile, those that it extends behind its own.

    Raises:
        Invalid: there is no such profile, or a rule of it cannot be meant.
    """
    own = _own()
    if name not in own:
        if name in BUILT_IN:
            return BUILT_IN[name]
        raise Invalid(
            f"there is no redaction profile {name!r}; known are {', '.join(names())}",
            code="unknown_profile",
            errors=[{"loc": ["profile"], "msg": f"use one of {', '.join(names())}"}],
        )
    told = own[name]
    try:
        rules = tuple(Rule(**each) for each in told.get("rules", ()))
    except (BadRule, TypeError) as error:
        raise Invalid(
            f"the redaction profile {name!r} has a rule that cannot be meant: {error}", code="bad_profile"
        ) from error
    return (*rules, *BUILT_IN.get(told.get("extends", NONE), ()))


def _own() -> Mapping[str, Any]:
    found: Mapping[str, Any] = conf().REDACTION.get("PROFILES", {})
    return found


def _hash_key(tenant: str) -> bytes:
    """One key per tenant: equal values stay equal within and across its packages, and tell another tenant nothing."""
    secret = _configured("HASH_KEY") or settings.SECRET_KEY.encode()
    return hmac.new(secret, f"aetheris.redaction.hash.v1\n{tenant}".encode(), sha256).digest()


def _configured(name: str) -> bytes | None:
    where = str(conf().REDACTION.get(name, ""))
    if not where:
        return None
    form, _, rest = where.partition(":")
    try:
        text = os.environ[rest] if form == "env" else Path(rest).read_text()
        return bytes.fromhex(text.strip())
    except (OSError, KeyError, ValueError) as error:
        raise Invalid(
            f"AETHERIS['REDACTION'][{name!r}] = {where!r} gives no key ({type(error).__name__}): name file:PATH or env:NAME "
            "with hex digits",
            code="bad_encryption_key",
        ) from error


def _encrypt(key: bytes, nonce: bytes, text: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, text, ASSOCIATED)
