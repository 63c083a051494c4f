"""What the tests of the access log share: tenants of their own, callers, and the log as it lies there."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError

from forensics import access
from forensics.access import writing
from forensics.models import Access
from jobs.core.commands import Actor
from jobs.viewing import Look, Who
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller


def a_tenant() -> str:
    """A tenant of this test's own."""
    return f"t-{uuid4().hex[:12]}"


def a_caller(tenant: str, *more: str) -> Caller:
    """Somebody of the tenant who may ask forensic questions."""
    return Caller(stage.person(*stage.OPERATOR, "view_forensics", *more), tenant=tenant)


def a_job(tenant: str) -> str:
    """A job of the tenant."""
    return stage.job(stage.waiting("go"), actor=Actor(id="a", name="a", tenant=tenant))


def entries(tenant: str) -> list[dict[str, Any]]:
    """The tenant's log from its beginning."""
    return [access.access_json(row) for row in Access.objects.filter(tenant=tenant).order_by("seq")]


def a_look(tenant: str, **more: Any) -> Look:
    """A look at a trace."""
    return Look(Who("user", "7", "ann"), tenant, "view", "trace", 200, **more)


def break_the_pen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written to the log."""

    def fails(look: Look) -> Access:
        raise OperationalError("disk full")

    monkeypatch.setattr(writing, "append", fails)
