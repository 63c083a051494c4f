"""The keys that a checkout trusts: its own signing key, and those that it has signed with before."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def own_keys(env: Mapping[str, str], folder: Path) -> list[bytes]:
    """The public keys of the checkout whose launcher was called, else of the nearest one upward, its retired ones too.

    Args:
        env: the environment.
        folder: the working directory.
    """
    from ..stack.trust import keys_in  # cryptography takes longer to load than --help to print

    return next((found for place in _places(env, folder) if (found := keys_in(place))), [])


def _places(env: Mapping[str, str], folder: Path) -> Iterator[Path]:
    var = env.get("AETHERIS_VAR", "").strip() or "var"
    if home := env.get("AETHERIS_HOME", ""):
        yield Path(home) / var / "keys"
    for place in (folder, *folder.parents):
        keys = place / var / "keys"
        if keys.is_dir() and keys.stat().st_uid == os.geteuid():
            yield keys
