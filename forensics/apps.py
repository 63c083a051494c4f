"""Forensics as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class ForensicsConfig(AppConfig):
    name = "forensics"
    label = "aetheris_forensics"
    verbose_name = "Aetheris forensics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import access, forgetting, periodic, roles
        from .inspection import alarms
        from .log.anchors import running
        from .log.keyring import checked
        from .package import archiving
        from .search import shelf

        access.connect()
        forgetting.connect()
        periodic.connect()
        alarms.connect()
        running.connect()
        checks.register(checked, checks.Tags.security, deploy=True)
        archiving.connect()
        roles.connect()
        shelf.connect()
