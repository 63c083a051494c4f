"""Verification at rest: of one job, of some of its events, of many jobs; it repairs nothing."""

from .gone import gone
from .job import Found, derived_break, inspect, inspect_many, inspect_range
from .nightly import due, tenants
from .orphans import orphans
from .runs import (
    Asker,
    ask,
    breakage_json,
    breakages_of,
    cancel,
    figures,
    verification_for,
    verification_json,
    verifications_of,
    verified_at,
    waiting,
)
from .scope import Scope
from .working import run

__all__ = [
    "Asker", "Found", "Scope", "ask", "breakage_json", "breakages_of", "cancel", "derived_break", "due", "figures", "inspect",
    "gone", "inspect_many", "inspect_range", "orphans", "run", "tenants", "verification_for", "verification_json", "verifications_of", "verified_at", "waiting",
]  # fmt: skip
