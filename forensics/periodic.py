"""Beat's entries of forensics, made after migrations: idempotent, and never overwriting an edit."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_migrate

from jobs.periodic import ensured

# task -> every how many seconds, and what for.
ENTRIES = {
    "aetheris.exports": (
        60,
        "Takes up batch exports that nobody is at, and removes packages whose time is over.",
    ),
    "aetheris.index": (60, "Reads new events into the index of names that forensic search uses."),
    "aetheris.log": (60, "Logs the heads that have moved, and signs a checkpoint of the log."),
    "aetheris.anchors": (
        60,
        "Hands the newest checkpoint of the log to the places outside that ANCHORS names.",
    ),
    "aetheris.verifications": (
        60,
        "Asks for the verification that is due (VERIFY_EVERY), and takes up those that nobody is at.",
    ),
}


def connect() -> None:
    """Make the entries after every `migrate`, with the real models, so that a running beat notices."""
    post_migrate.connect(ensure, dispatch_uid="aetheris.forensics.periodic")


def ensure(app_config: Any = None, using: str = "default", **_: Any) -> None:
    """Create beat's entries of forensics unless they are there already."""
    ensured("aetheris_forensics", ENTRIES, app_config, using)
