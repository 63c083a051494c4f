"""Tombstones: what is left of pruned jobs, searched, told and verified; and what is bound of legal holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db.models import QuerySet

from ledger.canonical import erased_key

from .core.chain import canonical
from .core.errors import Gone
from .core.moments import text
from .models import Hold, HoldRelease, Tombstone

FORMAT = "aetheris.tombstone.v1"


def request_key(key: str | None) -> str:
    """What a tombstone keeps of an idempotency key, be it legible or erased; empty for none."""
    return "" if key is None else erased_key(key).removeprefix("sha256:")


def tombstones_of(tenant: str) -> QuerySet[Tombstone]:
    """The pruned jobs of a tenant."""
    return Tombstone.objects.filter(tenant=tenant)


def tombstone_of(tenant: str, job: str | UUID) -> Tombstone | None:
    """The tombstone of a job, if it was pruned."""
    try:
        return tombstones_of(tenant).filter(job_id=UUID(str(job))).first()
    except ValueError:
        return None


def refuse_gone(tenant: str, job: str | UUID) -> None:
    """Say that a job was pruned, if it was.

    Raises:
        Gone: with the tombstone.
    """
    row = tombstone_of(tenant, job)
    if row is not None:
        raise gone(row)


def gone(row: Tombstone) -> Gone:
    """The refusal of whatever asks for a pruned job."""
    return Gone(
        f"job {row.job_id} was pruned on {text(row.pruned_at)} by {row.pruned_by_name}: {row.reason}; its {row.events} "
        f"events ended with the head {row.head_hash[:12]}…",
        tombstone=tombstone_json(row),
    )


def statement(row: Tombstone) -> dict[str, Any]:
    """What is signed, made of the columns."""
    return {
        "format": FORMAT, "job": str(row.job_id), "tenant": row.tenant, "agent": row.agent, "version": row.version,
        "status": row.status, "origin": str(row.origin), "generation": row.generation,
        "instance": str(row.instance) if row.instance else None, "turn": row.turn,
        "created_at": text(row.created_at), "finished_at": text(row.finished_at), "events": row.events,
        "head": {"seq": row.head_seq, "hash": row.head_hash}, "request_key": row.request_key,
        "request_digest": row.request_digest, "pruned_at": text(row.pruned_at),
        "pruned_by": {"id": row.pruned_by, "name": row.pruned_by_name}, "policy": row.policy, "reason": row.reason,
        "basis": row.basis, "archive": {"path": row.archive, "sha256": row.archive_sha256} if row.archive or row.archive_sha256 else None,
    }  # fmt: skip


def tombstone_json(row: Tombstone) -> dict[str, Any]:
    """A tombstone as clients see it: what was signed, the key and the signature."""
    return {**statement(row), "key": row.key, "signature": row.signature}


def problem_of(row: Tombstone, trusted: Mapping[str, str] | None = None) -> str | None:
    """What is wrong with a tombstone; None if it is what was signed.

    Args:
        row: the tombstone.
        trusted: public keys that count, hexadecimal, each with its name; None: any.
    """
    if row.signed != canonical(statement(row)):
        told = _read(row.signed)
        other = [name for name, value in statement(row).items() if told.get(name) != value] if told else []
        return f"its columns do not say what was signed: {', '.join(other) or 'the text has another form'}"
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(row.key)).verify(
            bytes.fromhex(row.signature), row.signed.encode()
        )
    except (InvalidSignature, ValueError):
        return "its signature is not one of its key over its text"
    if trusted is not None and row.key not in trusted:
        return f"it is signed with the key {row.key[:12]}…, which is none of those that are trusted"
    return None


def _read(signed: str) -> dict[str, Any]:
    """What was signed, if it can still be read."""
    try:
        told = json.loads(signed)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def hold_record(row: Hold) -> dict[str, Any]:
    """What is bound of a hold, made of the columns; a hold without a reference is bound as before there was one."""
    case = {"reference": row.reference} if row.reference else {}
    return {
        **case,
        "id": str(row.id), "tenant": row.tenant, "scope": row.scope, "value": row.value, "reason": row.reason,
        "by": {"id": row.placed_by, "name": row.placed_by_name}, "at": text(row.placed_at),
    }  # fmt: skip


def release_record(row: HoldRelease) -> dict[str, Any]:
    """What is bound of a release, made of the columns."""
    return {
        "hold": str(row.hold), "tenant": row.tenant, "reason": row.reason,
        "by": {"id": row.released_by, "name": row.released_by_name}, "at": text(row.released_at),
    }  # fmt: skip
