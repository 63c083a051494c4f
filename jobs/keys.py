"""Signing keys: who signs heads of the log, packages and tombstones. Private keys are never in the database.

`AETHERIS["SIGNING_KEY"]` says where the key is: `file:PATH` (PEM, PKCS #8, Ed25519), `env:NAME` (the same text in an
environment variable), or `package.module:factory`, a callable that returns a `Signer` (a KMS, an HSM). A file that
everybody may read, or others may write, signs nothing.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, runtime_checkable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .conf import conf
from .core.errors import Illegal

log = logging.getLogger("aetheris.keys")


@runtime_checkable
class Signer(Protocol):
    """Whatever signs with one Ed25519 key; the key itself need not be in this process.

    `name` is the key's name in signed notes (C2SP signed-note), `public` its 32 public bytes.
    """

    @property
    def name(self) -> str: ...
    @property
    def public(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature (RFC 8032) of a message."""


class NoSigningKey(Illegal):
    """Something is to be signed, and no key is configured."""


@dataclass(frozen=True)
class _Local:
    name: str
    public: bytes
    _key: Ed25519PrivateKey

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


def signer() -> Signer:
    """The key that signs now.

    Raises:
        NoSigningKey: none is configured, or it cannot be read; the message says what to do.
    """
    now = conf()
    return _signer(now.SIGNING_KEY, now.LOG_ORIGIN)


@lru_cache(maxsize=8)
def _signer(where: str, name: str) -> Signer:
    if not where:
        raise NoSigningKey(
            "nothing can be signed: AETHERIS['SIGNING_KEY'] is not set; make a key with `aetheris keygen` and name "
            "it as file:PATH, env:NAME or package.module:factory",
            code="no_signing_key",
        )
    form, _, rest = where.partition(":")
    if form == "file":
        return _from_pem(_read(Path(rest)), where, name)
    if form == "env":
        return _from_pem(os.environ.get(rest, "").encode(), where, name)
    return _from_factory(form, rest, where, name)


def _from_factory(module: str, factory: str, where: str, name: str) -> Signer:
    try:
        made = getattr(import_module(module), factory)()
    except (ImportError, AttributeError, ValueError) as error:
        raise NoSigningKey(
            f"the signing key at {where} cannot be had: {error}; it is none of file:PATH, env:NAME and "
            "package.module:factory that exists",
            code="no_signing_key",
        ) from error
    if not isinstance(made, Signer):
        raise NoSigningKey(
            f"{where} returns no signer: it needs name, public and sign()", code="no_signing_key"
        )
    if made.name != name:
        raise NoSigningKey(
            f"{where} signs as {made.name!r}, and AETHERIS['LOG_ORIGIN'] is {name!r}: give both the same name",
            code="no_signing_key",
        )
    return made


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            _private(path, mode)
            return file.read()
    except OSError as error:
        raise NoSigningKey(f"the signing key cannot be read: {error}", code="no_signing_key") from error


def _private(path: Path, mode: int) -> None:
    """Refuse a file that everybody may read or others may write; warn of one that a group may read, as a mounted secret."""
    if mode & 0o027:
        raise NoSigningKey(
            f"the signing key in {path} is open to others (mode {mode & 0o777:03o}), so anybody could sign in its name; "
            f"`chmod 600 {path}`, and make a new key if somebody may have read it",
            code="no_signing_key",
        )
    if mode & 0o040:
        log.warning("the signing key in %s can be read by its group (mode %03o)", path, mode & 0o777)


def _from_pem(pem: bytes, where: str, name: str) -> Signer:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise NoSigningKey(
            f"the signing key at {where} is no PEM private key: {error}", code="no_signing_key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoSigningKey(f"the signing key at {where} is no Ed25519 key", code="no_signing_key")
    public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return _Local(name, public, key)
