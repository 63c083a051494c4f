"""The keys that a checkout trusts: its own signing key, and those that it has signed with before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def own_keys(env: Mapping[str, str], folder: Path) -> list[bytes]:
    """The public keys of the checkout whose launcher was called, else of the nearest one upward, its retired ones too.

    Only the public half is derived; a private key is read for nothing else.

    Args:
        env: the environment.
        folder: the working directory.
    """
    for place in _places(env, folder):
        found = [
            key for path in sorted(place.glob("*.pem")) + sorted(place.glob("*.pub")) for key in _public(path)
        ]
        if found:
            return list(dict.fromkeys(found))
    return []


def _places(env: Mapping[str, str], folder: Path) -> Iterator[Path]:
    var = env.get("AETHERIS_VAR", "").strip() or "var"
    if home := env.get("AETHERIS_HOME", ""):
        yield Path(home) / var / "keys"
    for place in (folder, *folder.parents):
        keys = place / var / "keys"
        if keys.is_dir() and keys.stat().st_uid == os.geteuid():
            yield keys


def _public(path: Path) -> Iterator[bytes]:
    """The public keys of a file: of a private key in PEM, or public ones, one a line or in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from forensics.standalone import public_bytes

    try:
        content = path.read_bytes()
        if b"PRIVATE KEY" in content:
            private = load_pem_private_key(content, password=None)
            if isinstance(private, Ed25519PrivateKey):
                yield private.public_key().public_bytes_raw()
        elif b"BEGIN" in content:
            yield public_bytes(content.decode())
        else:
            yield from (public_bytes(line) for line in content.decode().splitlines() if line.strip())
    except (OSError, ValueError):
        return
