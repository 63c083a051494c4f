"""The auditor sees all of the tenant and changes nothing: every route of the API is tried."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db.models import Model

import forensics.api.urls
import jobs.api.urls
from forensics import log, roles
from forensics.api.base import ForensicFace
from forensics.package import batches
from forensics.search import saved
from jobs import clock
from jobs.core.commands import Actor
from jobs.models import Definition, Job
from jobs.services import create_agent, hold, submit, webhooks
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused
from tests.forensics.verifying import verified

pytestmark = pytest.mark.usefixtures("engine_db")

ASKING = frozenset({"view", "verify", "replay", "search", "prove", "export"})  # actions that only ask
OWN = frozenset({"tokens", "token", "queries", "saved-query"})  # a person's own, and no part of any job
KEPT_OUT = frozenset(
    {
        "token",
        "access",
        "accesshead",
        "savedsearch",
        "export",
        "mention",
        "indexstate",
        "verification",
        "breakage",
        "alarm",
    }
)  # and what is derived
BODIES: dict[str, dict[str, Any]] = {
    "jobs": {"agent": "refund", "goal": {"order_id": "A-1001"}},
    "signals": {"name": "go"},
    "messages": {"channel": "news"},
    "fork": {"at": 1},
    "resolve": {"verdict": "fail"},
    "agents": {"agent": "refund"},
    "agent-message": {"message": {"order_id": "A-1001"}},
    "agent": {},
    "job-hold": {"reason": "r"},
    "holds": {"scope": "tag", "value": "x", "reason": "r"},
    "release": {"reason": "r"},
}


class Ground:
    """A tenant with something for every route, and an auditor's token for it."""

    def __init__(self) -> None:
        self.tenant = f"t-{uuid4().hex[:12]}"
        boss = Actor(id="boss", name="Boss", tenant=self.tenant, superuser=True)
        submit("refund", {"order_id": "A-1001"}, actor=boss)
        asking = stage.job(stage.asking(), stage.paying(), stage.waiting("go"), actor=boss)
        job, invocation = stage.unknown_call(actor=boss)
        for kind, name in (("agent", "an_agent"), ("tool", "a_tool")):
            Definition.objects.get_or_create(
                kind=kind, name=name, version="1", defaults={"form": "planner", "seen_at": clock.now()}
            )
        held = hold("tag", "case-7", reason="in court", actor=boss)
        kept = saved.keep(self.tenant, ("0", "somebody"), "jobs", {"of": "jobs"}, shared=True)
        self.names: dict[str, Any] = {
            "query": kept.id, "export": self._export(), "verification": verified(self.tenant).id,
            "job": job, "approval": stage.approval_of(asking), "invocation": invocation, "node": "pay", "token": 0,
            "agent": str(create_agent("refund", name="desk", actor=boss)), "name": "an_agent", "seq": 1, "size": _size(),
            "hold": held.id, "pruned": stage.pruned(boss),
            "webhook": str(webhooks.add_webhook({"url": "https://hooks.example.com/x"}, boss).row.id),
        }  # fmt: skip
        user = stage.person(staff=False, group="auditor")
        self.auditor = Caller(user, tenant=self.tenant)
        digest = self.auditor.get(f"approvals/{self.names['approval']}").json()["digest"]
        self.bodies = {
            **BODIES,
            "decide": {"decision": "approve", "digest": digest},
            "delegate": {"to": "nobody-of-that-name", "digest": digest},
        }

    def _export(self) -> str:
        row = batches.ask(self.tenant, ("0", "somebody"), Job.objects.filter(tenant=self.tenant), None)
        batches.run(row.id)
        return str(row.id)

    def routes(self) -> Iterator[tuple[str, str, Any]]:
        """Name, address and view of every route; a route with a slash at its end is the same view."""
        for pattern in (*jobs.api.urls.urlpatterns, *forensics.api.urls.urlpatterns):
            route = str(pattern.pattern)
            if route.endswith("/"):
                continue
            names = {**self.names, "name": "a_tool" if route.startswith("tools") else "an_agent"}
            parts = [_filled(part, names) for part in route.split("/")]
            yield str(pattern.name), "/".join(parts), pattern.callback


def _size() -> int:
    """The size of a checkpoint over every job so far: an export then has nothing to log."""
    head = log.append_heads()
    assert head is not None
    return head.size


def _filled(part: str, names: dict[str, Any]) -> str:
    return str(names.get(part[1:-1].rpartition(":")[2], "x")) if part.startswith("<") else part


def _rows() -> dict[str, str]:
    """A digest of every table of ours, without a person's own, the log of accesses, and an index that is derived."""
    return {model._meta.db_table: _digest(model) for label in roles.APPS for model in apps.get_app_config(label).get_models()
            if model._meta.model_name not in KEPT_OUT}  # fmt: skip


def _digest(model: type[Model]) -> str:
    rows = model._default_manager.order_by("pk").values_list()
    return sha256(json.dumps([list(row) for row in rows], default=str).encode()).hexdigest()


def test_the_role_has_what_it_may_and_no_more() -> None:
    may = set(
        Group.objects.get(name="auditor").permissions.values_list("content_type__app_label", "codename")
    )
    assert {"view_job", "view_event", "view_invocation", "view_forensics", "export_evidence", "verify"} <= {
        name for _, name in may
    }
    allowed = ("view_", "export_evidence", "verify")
    assert {label for label, _ in may} <= set(roles.APPS)
    assert [name for _, name in may if not name.startswith(allowed)] == []


def test_making_the_roles_again_gives_back_what_they_lack_and_takes_nothing() -> None:
    group = Group.objects.get(name="auditor")
    of_site = Permission.objects.get(codename="view_user")
    group.permissions.remove(*group.permissions.filter(codename="view_event"))
    group.permissions.add(of_site)
    roles.ensure()
    roles.ensure()
    assert group.permissions.filter(codename="view_event").exists()
    assert group.permissions.filter(pk=of_site.pk).exists()
    group.permissions.remove(of_site)


def test_an_auditor_sees_everything_and_changes_nothing() -> None:
    ground = Ground()
    before = _rows()
    seen = set()
    for name, address, callback in ground.routes():
        methods = {each for each in callback.cls.http_method_names if hasattr(callback.cls, each)}
        for method in sorted(methods & {"get", "post", "put", "patch", "delete"}):
            _tried(ground, name, address, callback, method)
            seen.add((name, method))
    assert {
        ("jobs", "post"),
        ("decide", "post"),
        ("resolve", "post"),
        ("agent", "delete"),
        ("verify", "post"),
    } <= seen
    assert _rows() == before


def _tried(ground: Ground, name: str, address: str, callback: Any, method: str) -> None:
    if method == "get":
        if name not in ("stream", "token", "attachment"):  # a file of a storage: the approval here shows none
            answer = ground.auditor.get(address)
            if answer.streaming:
                answer.close()
                assert answer.status_code == 200, address
                return
            # 422: it must be asked something
            assert answer.status_code in (200, 422), (address, answer.content)
        return
    body = json.dumps(ground.bodies.get(name, {})).encode()
    call = getattr(ground.auditor.client, method)
    answer = call(f"/api/{address}", body, content_type="application/json")
    if name in OWN:
        return
    if _only_asks(callback.cls, method):
        assert answer.status_code != 403, (address, answer.content)
        return
    assert answer.status_code == 403, (method, address, answer.status_code, answer.content)


def _only_asks(view: Any, method: str) -> bool:
    return issubclass(view, ForensicFace) and view.actions.get(method.upper(), view.action) in ASKING


def test_an_auditor_decides_no_approval_and_the_refusal_names_why() -> None:
    ground = Ground()
    answer = ground.auditor.post(f"approvals/{ground.names['approval']}/decide", ground.bodies["decide"])
    assert answer.status_code == 403, answer.content


def test_an_auditor_sees_nothing_of_another_tenant() -> None:
    ground, other = Ground(), Ground()
    for question in ("trace", "events"):
        refused(ground.auditor.get(f"jobs/{other.names['job']}/{question}"), 404, "not_found")
    refused(ground.auditor.post(f"jobs/{other.names['job']}/verify"), 404, "not_found")
