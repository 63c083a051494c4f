"""A stage for the API's tests: callers with tokens, and the watch that a refusal writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from jobs import tokens
from jobs.models import Approval, Delivery, Event, Job, Step, Token
from ledger.models import Invocation
from tests.faces import admin_stage as stage

WATCHED = (Job, Event, Step, Approval, Delivery, Token, Invocation)
BYTES = "application/json"


class Caller:
    """Somebody who calls the API with a token of their own."""

    def __init__(self, user: User | None = None, *, tenant: str = "default") -> None:
        self.user = user or stage.operator()
        self.tenant = tenant
        self.token = tokens.create(self.user, tenant=tenant).text
        self.client = Client(headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path: str, **headers: str) -> Any:
        """GET below /api/, or an absolute address that an answer gave."""
        return self.client.get(_address(path), headers=headers or None)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST JSON."""
        raw = b"" if body is None else json.dumps(body).encode()
        return self.raw(path, raw, **headers)

    def raw(self, path: str, body: bytes, *, content_type: str = BYTES, **headers: str) -> Any:
        """POST bytes as they are."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(_address(path), body, content_type=content_type, headers=named or None)

    def delete(self, path: str) -> Any:
        """DELETE."""
        return self.client.delete(_address(path))


def _address(path: str) -> str:
    return path if path.startswith(("/", "http")) else f"/api/{path}"


def nobody_special() -> User:
    """A user without any permission."""
    return stage.person(staff=False)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal, checked for its form."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem["type"] == f"urn:aetheris:problem:{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert "Traceback" not in answer.content.decode()
    return problem


def named(problem: dict[str, Any]) -> set[str]:
    """The first part of the place of each error."""
    return {error["loc"][0] for error in problem["errors"]}


@contextmanager
def nothing_written() -> Iterator[None]:
    """Fail if any row comes or goes meanwhile."""
    before = [model.objects.count() for model in WATCHED]
    yield
    assert [model.objects.count() for model in WATCHED] == before
