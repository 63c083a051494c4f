"""Who is to be told of an approval: people, as rows of the project's own user model."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from ..conf import conf
from ..models import Approval, Token

MOST = 500  # people of one occasion


def deciders(approval: Approval) -> list[Any]:
    """The active users who may still decide it: asked, without a vote so far, and not its requester under four eyes."""
    named = [*json.loads(approval.users), *json.loads(approval.delegates)]
    return _people(approval, named, json.loads(approval.groups))


def named(approval: Approval, names: list[str], groups: list[str]) -> list[Any]:
    """Those of the users and groups who may still decide it."""
    return _people(approval, names, groups)


def requester(approval: Approval) -> list[Any]:
    """The active user who asked for the job, if it was a user."""
    keys = _keys([approval.requester])
    return list(_of_tenant(get_user_model()._default_manager.filter(pk__in=keys), approval.tenant))


def _people(approval: Approval, names: list[str], groups: list[str]) -> list[Any]:
    users = get_user_model()
    asked = Q(**{f"{users.USERNAME_FIELD}__in": names}) | Q(pk__in=_keys(names)) | Q(groups__name__in=groups)
    voted = _keys(json.loads(approval.voters))
    rows = users._default_manager.filter(asked).exclude(pk__in=voted)
    if approval.four_eyes:
        rows = rows.exclude(pk__in=_keys([approval.requester]))
    return list(_of_tenant(rows, approval.tenant).distinct().order_by("pk")[:MOST])


def _of_tenant(rows: QuerySet[Any], tenant: str) -> QuerySet[Any]:
    """A session acts for the default tenant, a token for its own: whoever has neither sees nothing there."""
    rows = rows.filter(is_active=True)
    if tenant == conf().DEFAULT_TENANT:
        return rows
    living = Token.objects.filter(tenant=tenant, revoked_at=None)
    return rows.filter(pk__in=living.values("user_id"))


def _keys(texts: list[str]) -> list[Any]:
    """Those of the texts that can be primary keys of users at all."""
    column, found = get_user_model()._meta.pk, []
    for text in texts:
        try:
            found.append(column.to_python(text))
        except ValidationError:
            continue
    return found
