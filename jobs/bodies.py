"""Bodies as text: canonical, with large parts kept once by digest and put back on reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from .core.chain import canonical
from .core.erasing import told
from .models import Blob, Event

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


def hydrated(texts: Sequence[str | None], tenant: str) -> list[dict[str, Any] | None]:
    """The bodies that stored texts stand for, with every part put back; None for an erased one.

    One query for all their parts.

    Raises:
        LookupError: a part that should be stored is missing.
    """
    bodies = [json.loads(text) if text is not None else None for text in texts]
    wanted = {digest for body in bodies if body for _, digest in named(body)}
    parts = stored_parts(wanted, tenant)
    for body in bodies:
        if body:
            fill(body, parts)
    return bodies


def named(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The members of a stored body that stand elsewhere, each with its digest."""
    return [(name, body[name]["sha256"]) for name in body.get(ASIDE, ())]


def stored_parts(digests: Iterable[str], tenant: str) -> dict[str, str]:
    """The texts that stand under these digests; one query, or none."""
    wanted = set(digests)
    if not wanted:
        return {}
    return dict(Blob.objects.filter(tenant=tenant, sha256__in=wanted).values_list("sha256", "text"))


def fill(body: dict[str, Any], parts: Mapping[str, str]) -> None:
    """Put the parts of a stored body back.

    Raises:
        LookupError: one of them is not among `parts`.
    """
    for name in body.pop(ASIDE, ()):
        digest = body[name]["sha256"]
        if digest not in parts:
            raise LookupError(f"the part {name!r} with digest {digest} of a stored body is missing")
        body[name] = json.loads(parts[digest])


def parsed(texts: Sequence[str | None], tenant: str) -> list[dict[str, Any]]:
    """The same, where an erased body is `{"erased": true}`; what stays legible of it is not looked for."""
    return [body if body is not None else {"erased": True} for body in hydrated(texts, tenant)]


def folded(
    job: str | UUID, tenant: str, seqs: Sequence[int], texts: Sequence[str | None]
) -> list[dict[str, Any]]:
    """The bodies of a job's events for the fold; of an erased one what stays legible, and `"erased": true`.

    Args:
        job: whose.
        tenant: whose parts.
        seqs: the numbers of the events.
        texts: their bodies, as they are stored.

    Raises:
        LookupError: a part that should be stored is missing, or a body is gone and no event says that it was erased.
    """
    bodies = hydrated(texts, tenant)
    known = told_of(job, tenant) if None in bodies else {}
    for place, body in enumerate(bodies):
        if body is not None:
            continue
        if seqs[place] not in known:
            raise LookupError(
                f"the body of event {seqs[place]} is gone, and no event says that it was erased"
            )
        bodies[place] = known[seqs[place]][1]
    return [body for body in bodies if body is not None]


def told_of(job: str | UUID, tenant: str) -> dict[int, tuple[str, dict[str, Any]]]:
    """By number, of each event of a job whose body was erased: its digest, and what stays legible of it."""
    rows = Event.objects.filter(job_id=job, type="payload_erased").order_by("seq")
    said: dict[int, tuple[str, dict[str, Any]]] = {}
    for body in hydrated(list(rows.values_list("body", flat=True)), tenant):
        if body is not None:
            said |= told(body)
    return said
