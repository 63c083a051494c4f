"""The ledger as a Django app: loads the `tools` modules of installed apps."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class LedgerConfig(AppConfig):
    name = "ledger"
    label = "aetheris_ledger"
    verbose_name = "Aetheris ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        autodiscover_modules("tools")
