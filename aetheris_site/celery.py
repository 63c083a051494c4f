"""The Celery app: it carries knocks, ids only; rows say who may act."""

from __future__ import annotations

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetheris_site.settings")

from jobs.celery_defaults import configure

app = Celery("aetheris")
app.config_from_object("django.conf:settings", namespace="CELERY")
configure(app)
app.autodiscover_tasks()


@signals.worker_init.connect(weak=False)
def _runtime(**_: object) -> None:
    """The runtime's part of a worker; imported only there, once Django is set up."""
    from jobs.worker import install

    install(app)
