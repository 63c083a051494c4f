"""Stored bodies as values, with the large parts that stand elsewhere put back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..models import Blob

ASIDE = "$blobs"  # the member that names which members of a stored body stand elsewhere


def hydrated(texts: Sequence[str | None], tenant: str) -> list[dict[str, Any] | None]:
    """The bodies that stored texts stand for; None for an erased one. One query for all their parts.

    Raises:
        LookupError: a part that should be stored is missing.
    """
    bodies = [json.loads(text) if text is not None else None for text in texts]
    wanted = {body[name]["sha256"] for body in bodies if body for name in body.get(ASIDE, ())}
    if not wanted:
        return bodies
    parts = dict(Blob.objects.filter(tenant=tenant, sha256__in=wanted).values_list("sha256", "text"))
    for body in bodies:
        if body is not None:
            _fill(body, parts)
    return bodies


def _fill(body: dict[str, Any], parts: dict[str, str]) -> None:
    for name in body.pop(ASIDE, ()):
        digest = body[name]["sha256"]
        if digest not in parts:
            raise LookupError(f"the part {name!r} with digest {digest} of a stored body is missing")
        body[name] = json.loads(parts[digest])
