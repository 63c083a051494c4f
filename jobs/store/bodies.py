"""Bodies as text: canonical, with large parts kept once by digest and put back on reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from ..core.chain import canonical
from ..models import Blob

# The member of a stored body that names which of its members stand elsewhere.
ASIDE = "$blobs"


def written(body: Mapping[str, Any], limit: int) -> tuple[str, dict[str, str]]:
    """A body's stored text, and the parts that are stored beside it.

    Args:
        body: the body as events speak of it.
        limit: characters above which a member stands elsewhere.

    Returns:
        The text, and `{sha256: text}` of what it leaves out.
    """
    text = canonical(dict(body))
    if len(text) <= limit:
        return text, {}
    aside: dict[str, str] = {}
    kept: dict[str, Any] = {}
    names: list[str] = []
    for name, value in body.items():
        part = canonical(value)
        if len(part) <= limit:
            kept[name] = value
            continue
        digest = sha256(part.encode("ascii")).hexdigest()
        aside[digest] = part
        kept[name] = {"sha256": digest, "size": len(part)}
        names.append(name)
    if names:
        kept[ASIDE] = sorted(names)
    return canonical(kept), aside


def parsed(texts: Iterable[str | None], tenant: str) -> list[dict[str, Any]]:
    """The bodies that stored texts stand for, with every part put back; an erased one is `{"erased": true}`.

    Raises:
        LookupError: a part that should be stored is missing.
    """
    bodies: list[dict[str, Any]] = [json.loads(text) if text is not None else {"erased": True} for text in texts]
    wanted = {body[name]["sha256"] for body in bodies for name in body.get(ASIDE, ())}
    if not wanted:
        return bodies
    parts = dict(Blob.objects.filter(tenant=tenant, sha256__in=wanted).values_list("sha256", "text"))
    for body in bodies:
        for name in body.pop(ASIDE, ()):
            digest = body[name]["sha256"]
            if digest not in parts:
                raise LookupError(f"the part {name!r} with digest {digest} of a stored body is missing")
            body[name] = json.loads(parts[digest])
    return bodies
