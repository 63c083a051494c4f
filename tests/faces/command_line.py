"""`aetheris` run inside the test: its exit code, what it printed, and a server that answers from a table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any
from unittest.mock import patch

import httpx

from aetheris_site.cli import run
from aetheris_site.cli.session import Session

API = "http://aetheris.test"
Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The document that it printed."""
        return json.loads(self.out)


@dataclass
class Desk:
    """A server of answers by method and path; it keeps what it was asked. Several answers are given in turn."""

    answers: dict[str, Answer | list[Answer]]
    asked: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        found = self.answers.get(f"{request.method} {request.url.path}")
        if found is None:
            return problem(404, "not_found", "there is no such thing")
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        return found(request) if callable(found) else found

    def bodies(self, method: str = "POST") -> list[Any]:
        """What was sent with that method."""
        return [json.loads(request.content) for request in self.asked if request.method == method]


def ok(value: Any, status: int = 200) -> httpx.Response:
    """A JSON answer."""
    return httpx.Response(status, json=value)


def page(*rows: Any, following: str | None = None) -> httpx.Response:
    """A page of a list."""
    return ok({"next": following, "previous": None, "results": list(rows)})


def problem(status: int, code: str, detail: str, **more: Any) -> httpx.Response:
    """A problem document."""
    return httpx.Response(status, json={"status": status, "code": code, "detail": detail, **more})


def aetheris(*args: str, desk: Desk | None = None) -> Ended:
    """Run one command, against a desk or, without one, the network."""
    given = args if desk is None else ("--api", API, *args)
    out, err = StringIO(), StringIO()
    session = Session(transport=httpx.MockTransport(desk) if desk else None)
    # A command has a process of its own otherwise, and may set its environment.
    with patch.dict(os.environ), redirect_stdout(out), redirect_stderr(err):
        code = run(given, session)
    return Ended(code, out.getvalue(), err.getvalue())


def job(**changes: Any) -> dict[str, Any]:
    """A job as the API gives it."""
    made: dict[str, Any] = {
        "id": "0197c1a2-0000-7000-8000-000000000001",
        "agent": "refund",
        "version": "1",
        "status": "running",
        "outcome": "",
        "parked_on": [],
        "goal": {"order_id": "A-1001"},
        "output": None,
        "error": None,
        "requester": {"id": "1", "name": "operator"},
        "tags": [],
        "created_at": "2026-11-22T17:18:56.123456Z",
        "finished_at": None,
        "head": {"seq": 7, "hash": "ab" * 32},
    }
    return made | changes


def lines_of(text: str) -> Iterator[list[str]]:
    """The words of each printed line."""
    return (each.split() for each in text.splitlines())
