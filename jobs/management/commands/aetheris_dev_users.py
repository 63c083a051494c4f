"""`aetheris_dev_users`: two local people to try everything with, and the file that says how they get in."""

from __future__ import annotations

import json
import os
import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management.base import BaseCommand, CommandError

from jobs import tokens
from jobs.conf import conf

APPS = ("aetheris_jobs", "aetheris_ledger", "aetheris_forensics")
FINANCE = "finance"
TOKEN = "local"  # noqa: S105 - the name that the token bears in lists
# The local command line asks across jobs, too.
FORENSIC = ("view_forensics", "export_evidence", "verify")
# user -> what they may do, and the groups they are in. Nobody is both: four eyes need four.
PEOPLE: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "operator": (frozenset({"submit_job", "signal_job", "control_job", *FORENSIC}), ()),
    "approver": (frozenset({"resolve_effect", "signal_job", *FORENSIC}), (FINANCE,)),
}


class Command(BaseCommand):
    """Create `operator` and `approver` for local use, or repair them. Running it again changes nothing."""

    help = "Creates the local users operator and approver (group finance) and writes how they get in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the API is, and where to write."""
        parser.add_argument("--api", required=True, help="address that the file names")
        parser.add_argument("--file", required=True, type=Path, help="written with mode 0600, as JSON")
        parser.add_argument(
            "--also", action="append", default=[], metavar="NAME=URL", help="a further address for the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the users, then the file.

        Raises:
            CommandError: these settings are not for development.
        """
        if getattr(settings, "PROFILE", "dev" if settings.DEBUG else "prod") != "dev":
            raise CommandError(
                "local users have passwords that lie in a file, so they are made in the dev profile only; "
                "here use `manage.py createsuperuser` and the admin"
            )
        path: Path = options["file"]
        before = _read(path)
        also = dict(each.split("=", 1) for each in options["also"])
        users: dict[str, dict[str, str]] = {}
        texts: dict[str, str] = {}
        for name in PEOPLE:
            person = _person(name)
            users[name] = {"password": _password(person, before["passwords"].get(name, ""))}
            texts[name] = _token(person, before["tokens"].get(name, ""))
        _write(path, {**also, "api": options["api"], "tokens": texts, "users": users})


def _person(name: str) -> Any:
    """The user of that name with exactly the rights meant here beside those somebody has added."""
    may, groups = PEOPLE[name]
    users: Any = get_user_model()
    person = users.objects.filter(**{users.USERNAME_FIELD: name}).first() or users.objects.create_user(name)
    if not (person.is_staff and person.is_active):
        person.is_staff = person.is_active = True
        person.save(update_fields=["is_staff", "is_active"])
    ours = Permission.objects.filter(content_type__app_label__in=APPS)
    person.user_permissions.add(*ours.filter(codename__in=may), *ours.filter(codename__startswith="view_"))
    person.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in groups))
    return person


def _password(person: Any, before: str) -> str:
    """The password as it was if it still opens the door, else a new one."""
    if before and person.check_password(before):
        return before
    fresh = secrets.token_urlsafe(12)
    person.set_password(fresh)
    person.save(update_fields=["password"])
    return fresh


def _token(person: Any, before: str) -> str:
    """The token as it was if it is still this person's, else a new one."""
    known = tokens.verify(before) if before else None
    if known is not None and known.user.pk == person.pk:
        return before
    return tokens.create(person, tenant=conf().DEFAULT_TENANT, name=TOKEN).text


def _read(path: Path) -> dict[str, dict[str, str]]:
    """What an earlier run has written; nothing of it is needed, so a missing or spoiled file is an empty one."""
    try:
        data: Any = json.loads(path.read_text())
        passwords = {str(name): str(each["password"]) for name, each in data["users"].items()}
        texts = {str(name): str(text) for name, text in data["tokens"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"passwords": {}, "tokens": {}}
    return {"passwords": passwords, "tokens": texts}


def _write(path: Path, data: Any) -> None:
    """Replace the file in one go; nobody else may read it at any moment."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(data, file, indent=2)
        file.write("\n")
    draft.replace(path)
