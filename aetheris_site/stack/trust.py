"""The public keys that a folder of signing keys stands for: its own, and those that it has signed with before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from forensics.standalone import public_bytes


def keys_in(folder: Path) -> list[bytes]:
    """The public keys in a folder: of private keys in PEM, of which only the public half is derived, and public ones.

    Args:
        folder: with `*.pem`, and `*.pub` of one key a line.
    """
    paths = [*sorted(folder.glob("*.pem")), *sorted(folder.glob("*.pub"))]
    return list(dict.fromkeys(key for path in paths for key in _public(path)))


def _public(path: Path) -> Iterator[bytes]:
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
    except (OSError, ValueError):  # what is no key of ours trusts nobody
        return
