"""Identifiers that are computed, not drawn: the same promise has the same id on every machine."""

from __future__ import annotations

from hashlib import sha256

from .names import COMPENSATION

LONGEST_STEP = 255  # characters: what the tables hold


def _hex(*parts: str) -> str:
    return sha256(("\n".join(parts) + "\n").encode("utf-8")).hexdigest()


def key_digest(key: str | None) -> str:
    """What a job's first event keeps of the idempotency key of the request that made it; empty for none."""
    return "" if key is None else sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def idempotency_key(origin: str, path: str) -> str:
    """The key handed to the tool. It holds no attempt, so a take-over or a retry of the job sends the same."""
    return "aet-" + _hex("aetheris.key.v1", origin, path)[:40]


def uuid_from(*parts: str) -> str:
    """A UUID (version 8, RFC 9562) derived from text."""
    raw = _hex(*parts)
    variant = "89ab"[int(raw[16], 16) % 4]
    return f"{raw[:8]}-{raw[8:12]}-8{raw[13:16]}-{variant}{raw[17:20]}-{raw[20:32]}"


def invocation_id(job: str, path: str) -> str:
    """The ledger line of one call of one job."""
    return uuid_from("aetheris.invocation.v1", job, path)


def compensation_step(job: str, path: str) -> str:
    """The step that undoes a call, named after it; no plan can name it."""
    name = f"{COMPENSATION}/{path}"
    return name if len(name) <= LONGEST_STEP else f"{COMPENSATION}/{invocation_id(job, path)}"


def compensates(step: str) -> bool:
    """Whether a step undoes a call."""
    return step.startswith(COMPENSATION + "/")


def approval_id(job: str, path: str) -> str:
    """The approval that one node or call asks for."""
    return uuid_from("aetheris.approval.v1", job, path)


def child_id(job: str, path: str) -> str:
    """The child job that one node or call starts."""
    return uuid_from("aetheris.child.v1", job, path)
