"""The OpenAPI document: complete, without warnings, and true of what the API really answers."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from forensics import log
from forensics.package import batches
from forensics.search import saved
from jobs import clock
from jobs.core.commands import Actor
from jobs.models import Definition, Job
from jobs.services import create_agent, hold, message_agent, submit, webhooks
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller
from tests.forensics.verifying import verified

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document as the generator makes it."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.loads(json.dumps(made))


def test_the_document_is_made_without_a_warning(document: dict[str, Any]) -> None:
    assert not GENERATOR_STATS, GENERATOR_STATS
    assert document["openapi"] == "3.1.0"
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_every_operation_says_what_it_does_and_how_it_fails(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        assert not path.endswith("/"), path
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
            assert operation["description"], (path, method)
            assert "401" in operation["responses"], (path, method)


def test_the_document_is_served_as_json_unless_yaml_is_asked_for() -> None:
    client = Client()
    assert client.get("/api/schema/").json()["info"]["title"] == "Aetheris"
    assert client.get("/api/schema").status_code == 200
    yaml = client.get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi"})
    assert yaml.content.startswith(b"openapi: 3.1.0")


def test_the_page_of_the_document_loads_nothing_from_elsewhere_and_has_nothing_inline() -> None:
    client = Client()
    page = client.get("/api/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "//" not in text.replace("<!DOCTYPE html>", "")
    assert "<style" not in text
    assert " style=" not in text
    assert "<script>" not in text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = client.get("/api/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content


def _expected(document: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    answers = document["paths"][path][method]["responses"][status]["content"]
    kind = "application/json" if "application/json" in answers else "application/problem+json"
    return {**answers[kind]["schema"], "components": document["components"]}


def _holds(document: dict[str, Any], path: str, answer: Any, method: str = "get") -> None:
    schema = _expected(document, path, method, str(answer.status_code))
    jsonschema.Draft202012Validator(schema).validate(answer.json())


def test_real_answers_are_as_the_document_says(document: dict[str, Any]) -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    actor = Actor(id="boss", name="Boss", tenant=tenant, superuser=True)
    caller = Caller(
        stage.person(*stage.OPERATOR, *stage.OFFICER, "view_forensics", "export_evidence", "manage_webhook"),
        tenant=tenant,
    )
    submit("refund", {"order_id": "A-1001"}, actor=actor)
    asking = stage.job(stage.asking(form={"type": "object"}), stage.paying(), actor=actor)
    unknown, invocation = stage.unknown_call(actor=actor)
    _offered()
    desk = create_agent("refund", name="desk", actor=actor)
    message_agent(desk, {"order_id": "A-1001"}, actor=actor)
    kept = saved.keep(tenant, ("0", "somebody"), "jobs", {"of": "jobs"}, shared=True)
    named = {
        "job": unknown, "approval": stage.approval_of(asking), "node": "pay", "agent": desk, "query": kept.id,
        "export": _exported(tenant), "verification": _verified(tenant), "size": _logged(),
        "hold": hold("tag", "case-7", reason="in court", actor=actor).id, "pruned": stage.pruned(actor),
        "webhook": webhooks.add_webhook({"url": "https://hooks.example.com/x"}, actor).row.id,
    }  # fmt: skip
    _every_get_holds(document, caller, named)
    for question in ("verify", "replay"):
        _holds(document, f"/api/jobs/{{job}}/{question}", caller.post(f"jobs/{unknown}/{question}"), "post")
    body = {"verdict": "landed", "result": 1}
    _holds(
        document,
        "/api/unresolved/{invocation}/resolve",
        caller.post(f"unresolved/{invocation}/resolve", body),
        "post",
    )
    body = {"message": {"order_id": "A-1002"}}
    _holds(document, "/api/agents/{agent}/message", caller.post(f"agents/{desk}/message", body), "post")
    _holds(document, "/api/agents", caller.post("agents", {"agent": "refund"}), "post")
    _holds(document, "/api/agents/{agent}", caller.delete(f"agents/{desk}"), "delete")
    _holds(document, "/api/tokens", caller.post("tokens", {}), "post")
    _holds(document, "/api/jobs", caller.post("jobs", {"agent": 7}), "post")
    _holds(document, "/api/jobs/{job}/pause", caller.post(f"jobs/{asking}/pause", {}), "post")


def test_real_answers_about_what_is_kept_and_what_goes_are_as_the_document_says(
    document: dict[str, Any],
) -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    actor = Actor(id="boss", name="Boss", tenant=tenant, superuser=True)
    caller, job = Caller(stage.person(*stage.OFFICER), tenant=tenant), stage.ended(actor)
    why = {"reason": "asked to", "legal_basis": "Art. 17", "everything": True}
    held = f"forensics/holds/{hold('tag', 'case-7', reason='in court', actor=actor).id}"
    for path, place, body in (
        ("jobs/{job}/erase", f"jobs/{job}/erase", {**why, "dry_run": True}),
        ("jobs/{job}/erase", f"jobs/{job}/erase", why),
        ("jobs/{job}/erase", f"jobs/{job}/erase", {}),
        ("jobs/{job}/prune", f"jobs/{job}/prune", {}),
        ("jobs/{job}/prune", f"jobs/{job}/prune", {"dry_run": False}),
        ("jobs/{job}/prune", f"jobs/{stage.pruned(actor)}/prune", {}),
        ("jobs/{job}/hold", f"jobs/{job}/hold", {"reason": "r"}),
        ("jobs/{job}/erase", f"jobs/{job}/erase", why),
        ("forensics/holds/{hold}/release", f"{held}/release", {"reason": "r"}),
        ("forensics/holds", "forensics/holds", {"scope": "agent", "value": "x", "reason": "r"}),
        ("forensics/retention", "forensics/retention", {}),
        ("jobs/{job}/erase", f"jobs/{stage.pruned(actor)}/erase", why),
    ):
        _holds(document, f"/api/{path}", caller.post(place, body), "post")


def _offered() -> None:
    for kind, name, form in (("tool", "a_tool", "pure"), ("agent", "an_agent", "planner")):
        Definition.objects.get_or_create(
            kind=kind, name=name, version="1", defaults={"form": form, "seen_at": clock.now()}
        )


def _exported(tenant: str) -> UUID:
    row = batches.ask(tenant, ("0", "somebody"), Job.objects.filter(tenant=tenant), "default")
    batches.run(row.id)
    return row.id


def _verified(tenant: str) -> UUID:
    """A verification that has found something."""
    job = Job.objects.filter(tenant=tenant)[0]
    Job.objects.filter(id=job.id).update(outcome="forged")
    found: UUID = verified(tenant).id
    Job.objects.filter(id=job.id).update(outcome=job.outcome)
    return found


def _logged() -> int:
    """The size of a checkpoint."""
    head = log.append_heads()
    assert head is not None
    return head.size


ASKED = {
    "/api/forensics/consistency": "?from=1", "/api/forensics/inclusion": "?job={job}",
    "/api/forensics/who": "?key=pay:{job}", "/api/forensics/why": "?job={job}&of=pay",
    "/api/forensics/followed": "?person=boss",
}  # fmt: skip


def _every_get_holds(document: dict[str, Any], caller: Caller, named: dict[str, Any]) -> None:
    for path in document["paths"]:
        if "get" not in document["paths"][path] or path.endswith(("/stream", "/attachments/{number}")):
            continue
        place = path.format(name=_name(path), **named) + ASKED.get(path, "").format(**named)
        answer = caller.get(place)
        assert answer.status_code == 200, place
        if answer.headers["Content-Type"] == "application/zip":
            assert "application/zip" in document["paths"][path]["get"]["responses"]["200"]["content"], path
            answer.close()
            continue
        _holds(document, path, answer)


def _name(path: str) -> str:
    return "a_tool" if "tools" in path else "an_agent"
