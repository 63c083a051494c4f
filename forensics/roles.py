"""Roles: groups that come with the tables, and what each may. A site adds people to them, or makes its own.

Made after every `migrate`, like permissions themselves, which do not exist before: a role then has what tables that
came later brought. A role only ever gains what stands here; what a site has given to it besides stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.db.models.signals import post_migrate

APPS = ("aetheris_jobs", "aetheris_ledger", "aetheris_forensics")

# role -> codenames of our apps; `view_*` is every permission that begins so.
ROLES: Mapping[str, tuple[str, ...]] = {
    "auditor": ("view_*", "view_forensics", "export_evidence", "verify"),
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
        group, _made = Group.objects.using(using).get_or_create(name=role)
        group.permissions.add(*(each for each in ours if _means(codenames, each.codename)))


def _means(codenames: tuple[str, ...], codename: str) -> bool:
    return any(
        codename.startswith(each[:-1]) if each.endswith("*") else codename == each for each in codenames
    )
