"""The runtime as a Django app: loads the `agents` modules of installed apps and those that settings name."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"
    label = "aetheris_jobs"
    verbose_name = "Aetheris jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ledger import encryption, llm, logs, vault

        from . import agents, conf, deadlines, notifying, periodic

        conf.check()
        if models := conf.conf().MODELS:
            llm.configure({"models": models})
        conf.taken("SECRETS", vault.configure)
        conf.taken("ENCRYPTION", encryption.configure)
        conf.taken("NOTIFY", notifying.check)
        if conf.conf().SECRET_POLICY != "off":  # noqa: S105 - a policy, no secret
            logs.install()
        if conf.conf().NOTIFY:
            from .notify import work  # noqa: F401 - registers its agent and tools
        agents.discover()
        deadlines.check()
        periodic.connect()
