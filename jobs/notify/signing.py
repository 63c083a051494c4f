"""Signatures of webhooks, after the Standard Webhooks specification (standardwebhooks.com, version 1.0).

What is signed is `id.timestamp.body`. `v1` is HMAC-SHA256 under a secret `whsec_…`; `v1a` is Ed25519 under a private key
`whsk_…`, whose public key `whpk_…` the receiver has. During a rotation the header holds one signature for each secret.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
SHORTEST, LONGEST = 24, 64  # bytes of a symmetric secret, as the specification asks
SEED = 32  # bytes of an Ed25519 private key


def checked(secret: str) -> str:
    """A secret in its form.

    Raises:
        ValueError: it is no `whsec_` or `whsk_` secret; the message never repeats it.
    """
    raw = _raw(secret)
    fits = len(raw) == SEED if secret.startswith(PRIVATE) else SHORTEST <= len(raw) <= LONGEST
    if not fits:
        raise ValueError(
            f"the secret has {len(raw)} bytes; whsec_ takes {SHORTEST} to {LONGEST}, whsk_ an Ed25519 seed of {SEED}"
        )
    return secret


def _raw(secret: str) -> bytes:
    for prefix in (SYMMETRIC, PRIVATE):
        if secret.startswith(prefix):
            try:
                return base64.b64decode(secret.removeprefix(prefix), validate=True)
            except (binascii.Error, ValueError):
                break
    raise ValueError("a secret is whsec_ or whsk_, and base64 behind it")


def made(prefix: str, dice: bytes) -> str:
    """A secret of random bytes.

    Args:
        prefix: `whsec_` or `whsk_`.
        dice: 32 random bytes.
    """
    return prefix + base64.b64encode(dice).decode()


def public_of(secret: str) -> str:
    """The public key of an asymmetric secret, as receivers take it; empty for a symmetric one."""
    if not secret.startswith(PRIVATE):
        return ""
    public = Ed25519PrivateKey.from_private_bytes(_raw(secret)).public_key()
    return PUBLIC + base64.b64encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def headers(secrets: Sequence[str], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt.

    Args:
        secrets: all that are valid now, the newest first.
        id: of the message; the same for every attempt.
        timestamp: of this attempt, in seconds.
        body: exactly the bytes that are sent.
    """
    signed = b".".join([id.encode(), str(timestamp).encode(), body])
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in secrets),
    }


def _signature(secret: str, signed: bytes) -> str:
    if secret.startswith(PRIVATE):
        return (
            "v1a,"
            + base64.b64encode(Ed25519PrivateKey.from_private_bytes(_raw(secret)).sign(signed)).decode()
        )
    return "v1," + base64.b64encode(hmac.new(_raw(secret), signed, hashlib.sha256).digest()).decode()
