"""Beat's entries, made by the project itself after migrations: idempotent, and never overwriting an edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db.models.signals import post_migrate

TICK = "aetheris.tick"
# task -> every how many seconds, and what for.
ENTRIES = {
    TICK: (1, "Fires due timers and deadlines, and takes over the steps of dead workers."),
    "aetheris.retention": (
        300,
        "Takes away jobs whose time is over, as RETENTION says; without a policy, none.",
    ),
}


def connect() -> None:
    """Make the entries after every `migrate`, with the real models, so that a running beat notices."""
    post_migrate.connect(ensure, dispatch_uid="aetheris.periodic")


def ensure(app_config: Any = None, using: str = "default", **_: Any) -> None:
    """Create beat's entries of jobs unless they are there already."""
    ensured("aetheris_jobs", ENTRIES, app_config, using)


def ensured(app: str, entries: Mapping[str, tuple[int, str]], app_config: Any, using: str) -> None:
    """Create an app's entries of beat unless they are there already.

    Args:
        app: whose they are: they are made when that app was migrated, or beat.
        entries: task -> every how many seconds, and what for.
        app_config: the app that was migrated; None for whichever.
        using: the alias of the database.
    """
    if app_config is not None and app_config.label not in ("django_celery_beat", app):
        return
    if not apps.is_installed("django_celery_beat"):
        return
    from django.db import connections
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return
    for task, (seconds, description) in entries.items():
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
