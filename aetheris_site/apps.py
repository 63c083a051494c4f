"""The shipped project as a Django app: whoever sets Django up has the Celery app, and only they pay for it."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "aetheris_site"
    label = "aetheris_site"
    verbose_name = "Aetheris"

    def ready(self) -> None:
        import_module("aetheris_site.celery")  # becomes the current app, through which knocks are sent
