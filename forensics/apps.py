"""Forensics as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ForensicsConfig(AppConfig):
    name = "forensics"
    label = "aetheris_forensics"
    verbose_name = "Aetheris forensics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import access, forgetting, periodic, roles
        from .inspection import alarms
        from .package import archiving

        access.connect()
        forgetting.connect()
        periodic.connect()
        alarms.connect()
        archiving.connect()
        roles.connect()
