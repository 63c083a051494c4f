"""Beat's entries of forensics, made after migrations: idempotent, and never overwriting an edit."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models.signals import post_migrate

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
    """Create beat's entries unless they are there already."""
    if app_config is not None and app_config.label not in ("django_celery_beat", "aetheris_forensics"):
        return
    if not apps.is_installed("django_celery_beat"):
        return
    from django.db import connections
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    for task, (seconds, description) in ENTRIES.items():
        interval = IntervalSchedule.objects.filter(every=seconds, period=IntervalSchedule.SECONDS).first()
        if interval is None:
            interval = IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)
        PeriodicTask.objects.get_or_create(
            name=task.replace(".", ": ", 1),
            defaults={
                "task": task,
                "interval": interval,
                "expire_seconds": seconds,
                "description": description,
            },
        )
