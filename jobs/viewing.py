"""A look at a job's history, or at a proof of it, announced: whoever keeps an access log listens to `looked`.

This app keeps none. A listener that cannot write down a look, and may not let it pass, raises `Unrecorded`; then the
face refuses the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, TypedDict
from uuid import uuid4

from django.dispatch import Signal
from django.http import HttpRequest

from .conf import conf
from .core.chain import digest_of

looked = Signal()  # looked.send(sender, look=Look)

REQUEST_ID = "X-Request-ID"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


@dataclass(frozen=True)
class Who:
    """Somebody who looks, by value.

    Args:
        kind: user, or os: somebody at the machine, by a management command.
        token: name of the bearer token, or its readable beginning; empty for a session.
    """

    kind: str
    id: str
    name: str
    token: str = ""


@dataclass(frozen=True)
class Look:
    """One access to forensic data.

    Args:
        who: who looked.
        tenant: whose data was asked for.
        action: view, verify, replay, export, search, prove, erase ...
        question: which page or address: events, trace, verify ...
        job: the job that was asked about; empty for a question across jobs.
        target: what else the address names: a step, a number.
        digest: SHA-256 of the query and body, which may name people and are not kept; empty where there was none.
        filters: names of the parameters that were given.
        status: the answer's HTTP status, or 0 and 1 as a command's exit code.
        code: which problem, of a refusal.
        strict: whether the answer must not go out unrecorded.
        address: the client's; empty where there is none.
        agent: what the client says that it is.
        request: id of the request.
    """

    who: Who
    tenant: str
    action: str
    question: str
    status: int
    job: str = ""
    target: str = ""
    digest: str = ""
    filters: tuple[str, ...] = ()
    code: str = ""
    strict: bool = False
    address: str = ""
    agent: str = ""
    request: str = ""

    @property
    def outcome(self) -> str:
        """granted, refused or failed."""
        if self.status >= 500 or self.status == 1:
            return "failed"
        return "refused" if self.status >= 400 else "granted"


class Place(TypedDict):
    """Members of a `Look`: where a request comes from, and its id."""

    address: str
    agent: str
    request: str


class Asked(TypedDict):
    """Members of a `Look`: what a request asked, without keeping it."""

    digest: str
    filters: tuple[str, ...]


def announce(look: Look) -> None:
    """Tell the listeners.

    Raises:
        Unrecorded: a listener may not let it pass.
    """
    looked.send(sender=Look, look=look)


def at_web(request: HttpRequest) -> Place:
    """Where a request comes from, and its id, as members of a `Look`."""
    given = request.headers.get(REQUEST_ID, "")
    return {
        "address": client_address(request),
        "agent": request.headers.get("User-Agent", "")[:200],
        "request": given if _GIVEN.fullmatch(given) else uuid4().hex,
    }


def client_address(request: HttpRequest) -> str:
    """The client's address: the connection's, or what the outermost trusted proxy says.

    Each proxy appends whom it got the request from, so that with `TRUSTED_PROXIES` = n the n-th entry from the end is
    the first that a client cannot forge.
    """
    told = request.META.get("REMOTE_ADDR") or ""
    trusted = conf().TRUSTED_PROXIES
    if trusted:
        passed = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",")]
        told = passed[-trusted] if len(passed) >= trusted else told
    try:
        return str(ip_address(told.strip("[]")))
    except ValueError:
        return ""


def what_was_asked(query: Mapping[str, Any], body: Any = None) -> Asked:
    """Query and body of a request as members of a `Look`: a digest and the names of the parameters."""
    asked = {name: query.getlist(name) if hasattr(query, "getlist") else query[name] for name in query}
    if not asked and not body:
        return {"digest": "", "filters": ()}
    named = sorted({*asked, *(body if isinstance(body, Mapping) else ())})
    return {
        "digest": digest_of({"query": asked, "body": body if body else None}),
        "filters": tuple(str(name)[:40] for name in named[:20]),
    }
