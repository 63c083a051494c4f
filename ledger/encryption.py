"""Encryption of texts at rest, with keys that rotate; nothing here knows of rows.

`AETHERIS["ENCRYPTION"] = {"current": "2026", "keys": {"2026": "env:BODY_KEY_2026", "2025": "file:/run/keys/2025"}}`.
New texts are written under `current`; what other keys wrote stays legible while they are named. An empty `current` writes
in clear.

The cipher is XAES-256-GCM (C2SP): AES-256-GCM under a key that is derived from 96 bits of a 192-bit random nonce (NIST SP
800-108 with CMAC), so that no number of texts wears out a key.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 24
PREFIX = "enc1."  # no JSON text and no hexadecimal number begins like this
KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
# A body that names parts which stand elsewhere still says that it does: such bodies are looked for.
_MARK = '"$blobs"'
_CONTEXT = "aetheris.encryption.v1"


class Unreadable(Exception):
    """A text is encrypted under a key that this process does not have."""

    code = "encryption_key_missing"


@dataclass(frozen=True)
class Key:
    """One named key; it does not print itself."""

    name: str
    secret: bytes = field(repr=False)
    first: bytes = field(repr=False)  # the first subkey of CMAC (NIST SP 800-38B)

    @classmethod
    def of(cls, name: str, secret: bytes) -> Key:
        if len(secret) != KEY_BYTES:
            raise ValueError(f"it has {len(secret)} bytes, and needs {KEY_BYTES}")
        zero = Cipher(algorithms.AES(secret), modes.ECB()).encryptor().update(bytes(16))  # noqa: S305 - of one block
        value = int.from_bytes(zero, "big")
        doubled = ((value << 1) & ((1 << 128) - 1)) ^ (0x87 if value >> 127 else 0)
        return cls(name, secret, doubled.to_bytes(16, "big"))

    def encrypt(self, nonce: bytes, text: bytes, context: bytes) -> bytes:
        """XAES-256-GCM of C2SP, the tag at the end."""
        return self._cipher(nonce).encrypt(nonce[12:], text, context)

    def decrypt(self, nonce: bytes, sealed: bytes, context: bytes) -> bytes:
        """The text.

        Raises:
            InvalidTag: the text, its context or the key is another.
        """
        return self._cipher(nonce).decrypt(nonce[12:], sealed, context)

    def _cipher(self, nonce: bytes) -> AESGCM:
        blocks = b"".join(
            bytes(a ^ b for a, b in zip(bytes([0, half, 0x58, 0]) + nonce[:12], self.first, strict=True))
            for half in (1, 2)
        )
        encryptor = Cipher(algorithms.AES(self.secret), modes.ECB()).encryptor()  # noqa: S305 - CMAC of one block
        return AESGCM(encryptor.update(blocks))


@dataclass(frozen=True)
class Ring:
    """The keys of this process, and the name of the one that writes."""

    keys: Mapping[str, Key] = field(default_factory=dict)
    current: str = ""


_ring = Ring()


def configure(settings: Mapping[str, Any]) -> None:
    """Take the keys from settings; what an earlier call configured is replaced as a whole.

    Args:
        settings: `{"current": NAME, "keys": {NAME: "env:NAME" | "file:PATH" | "package.module:callable"}}`; a key is 32
            bytes, given as base64 text (`openssl rand -base64 32`), by a callable also as bytes.

    Raises:
        ValueError: a key that cannot be read, or settings that cannot be meant; nothing is changed then. The message
            never repeats a key.
    """
    global _ring
    if unknown := sorted(set(settings) - {"current", "keys"}):
        raise ValueError(f"unknown option {', '.join(map(repr, unknown))}; it takes `current` and `keys`")
    given, current = settings.get("keys", {}), settings.get("current", "")
    if not isinstance(given, Mapping) or not isinstance(current, str):
        raise ValueError("write {'current': NAME, 'keys': {NAME: 'env:…'}}")
    keys = {name: _key(name, where) for name, where in given.items()}
    if current and current not in keys:
        raise ValueError(f"`current` names {current!r}, which is not among the keys")
    _ring = Ring(keys, current)


def _key(name: Any, where: Any) -> Key:
    if not isinstance(name, str) or not KEY_NAME.fullmatch(name):
        raise ValueError(f"key {name!r}: its name is 1 to 32 letters, digits, '_' or '-'")
    form, _, rest = where.partition(":") if isinstance(where, str) else ("", "", "")
    if not form or not rest:
        raise ValueError(f"key {name!r}: write env:NAME, file:PATH or package.module:callable")
    try:
        return Key.of(name, _secret(form, rest))
    except Exception as error:  # a provider of the host's may raise anything, and say the key in it
        told = str(error) if type(error) is ValueError else type(error).__name__
        raise ValueError(f"key {name!r} cannot be read from {form}: {told}") from None


def _secret(form: str, rest: str) -> bytes:
    if form == "env":
        given: Any = os.environ.get(rest)
    elif form == "file":
        given = Path(rest).read_text("ascii")
    else:
        reader: Callable[[], Any] = getattr(import_module(form), rest)
        given = reader()
    if isinstance(given, bytes):
        return given
    if not isinstance(given, str) or not given.strip():
        raise ValueError("it is empty")
    try:
        return base64.b64decode(given.strip(), validate=True)
    except binascii.Error:
        raise ValueError("it is no base64") from None


def configured() -> bool:
    """Whether some texts may be encrypted: keys are named."""
    return bool(_ring.keys)


def current() -> str:
    """The name of the key that writes; empty: texts are written in clear."""
    return _ring.current


def encrypted(text: str) -> bool:
    """Whether a stored text is encrypted."""
    return text.startswith(PREFIX)


def hide(text: str, column: str) -> str:
    """The text as it is to be stored in a column: under the current key, or as it is without one.

    Args:
        text: any text.
        column: `table.column`; a text that is moved to another one does not open there.
    """
    if not _ring.current or not text:
        return text
    key, nonce = _ring.keys[_ring.current], os.urandom(NONCE_BYTES)
    raw = nonce + key.encrypt(nonce, text.encode("utf-8", "surrogatepass"), _context(column, key.name))
    mark = f".{_MARK}" if _MARK in text else ""
    return f"{PREFIX}{key.name}.{base64.urlsafe_b64encode(raw).decode().rstrip('=')}{mark}"


def shown(stored: str, column: str) -> str:
    """What a stored text says. One that was tampered with stays as it is stored: verification names it.

    Raises:
        Unreadable: its key is not configured.
    """
    if not encrypted(stored):
        return stored
    name, _, rest = stored[len(PREFIX) :].partition(".")
    key = _ring.keys.get(name)
    if key is None:
        if not KEY_NAME.fullmatch(name):
            return stored
        raise Unreadable(
            f"a text in {column} is encrypted under the key {name!r}, which is not configured; "
            "add it to AETHERIS['ENCRYPTION']['keys'] of this process"
        )
    sealed = rest.removesuffix(f".{_MARK}")
    try:
        raw = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        text = key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _context(column, name)).decode(
            "utf-8", "surrogatepass"
        )
    except (InvalidTag, ValueError):
        return stored
    return text if (_MARK in text) == (sealed != rest) else stored


def _context(column: str, key: str) -> bytes:
    return f"{_CONTEXT}\n{column}\n{key}\n".encode()
