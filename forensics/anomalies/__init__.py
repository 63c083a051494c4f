"""Anomalies: what on record is worth a look, from real signals only; and the ground of a job's decisions."""

from __future__ import annotations

from .quality import UNKNOWN, Signals, quality
from .rules import KINDS, SEVERITIES, Anomaly, ordered
from .signals import (
    Scope,
    divergences,
    effects_without_cause,
    hasty,
    parks,
    retry_loops,
    uncited,
    unresolved,
    votes_of,
)


def found_in(scope: Scope) -> list[Anomaly]:
    """Everything that the rules find in a scope, except what only a verification tells."""
    votes = votes_of(scope)
    return [
        *retry_loops(scope), *hasty(votes), *unresolved(scope), *parks(scope), *divergences(scope),
        *effects_without_cause(scope), *uncited(scope),
    ]  # fmt: skip


__all__ = [
    "KINDS", "SEVERITIES", "UNKNOWN", "Anomaly", "Scope", "Signals", "found_in", "ordered", "quality", "votes_of",
]  # fmt: skip
