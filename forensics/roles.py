"""Roles: groups that come with the tables, and what each may. A site adds people to them, or makes its own.

Made after every `migrate`, like permissions themselves, which do not exist before: a role then has what tables that
came later brought. A role only ever gains what stands here; what a site has given to it besides stays. A site's own group
that happens to bear a role's name is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.db.models.signals import post_migrate

log = logging.getLogger("aetheris.roles")
APPS = ("aetheris_jobs", "aetheris_ledger", "aetheris_forensics")

# role -> codenames of our apps; `view_*` is every permission that begins so.
ROLES: Mapping[str, tuple[str, ...]] = {
    "auditor": ("view_*", "view_forensics", "export_evidence", "verify"),
    # Whom an approval asks is said by the approval; the role is for looking at the job behind the question.
    "approver": ("view_approval", "view_job", "view_event"),
    "operator": (
        "view_job",
        "view_event",
        "view_approval",
        "view_agentinstance",
        "view_invocation",
        "view_worker",
        "view_definition",
        "view_delivery",
        "submit_job",
        "signal_job",
        "control_job",
        "resolve_effect",
    ),
    "admin": (
        "view_*",
        "submit_job",
        "signal_job",
        "control_job",
        "resolve_effect",
        "hold_job",
        "erase_job",
        "prune_job",
        "manage_webhook",
        "view_forensics",
        "export_evidence",
        "verify",
    ),
}


def connect() -> None:
    """Make the roles after every `migrate`."""
    post_migrate.connect(ensure, dispatch_uid="aetheris.roles")


def ensure(app_config: Any = None, using: str = "default", **_: Any) -> None:
    """Create the roles, and give them what they lack."""
    if app_config is not None and app_config.label not in APPS:
        return
    if not apps.is_installed("django.contrib.auth"):
        return
    from django.contrib.auth.models import Group, Permission
    from django.db import connections

    if Group._meta.db_table not in connections[using].introspection.table_names():
        return
    for label in APPS:  # whichever app's turn comes first: Django makes them once
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    ours = Permission.objects.using(using).filter(content_type__app_label__in=APPS)
    for role, codenames in ROLES.items():
        group, made = Group.objects.using(using).get_or_create(name=role)
        if not made and not group.permissions.filter(content_type__app_label__in=APPS).exists():
            log.warning("there is a group %r that is not ours: it is given nothing", role)
            continue  # a site's own: to give to it what its name means here would be to give it to strangers
        group.permissions.add(*(each for each in ours if _means(codenames, each.codename)))


def _means(codenames: tuple[str, ...], codename: str) -> bool:
    return any(
        codename.startswith(each[:-1]) if each.endswith("*") else codename == each for each in codenames
    )
