"""Those who act in the demo, over HTTP like anybody else: two people at the API, and the payment service."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from .failures import StackError

_POLL = 0.1
Found = TypeVar("Found")


class Refused(StackError):
    """The server said no.

    Args:
        status: of its answer.
        detail: its reason.
    """

    def __init__(self, status: int, detail: str, what: str) -> None:
        super().__init__(f"{what} was answered {status}: {detail}")
        self.status, self.detail = status, detail


class Person:
    """One who speaks to a server over HTTP.

    Args:
        url: of the server.
        token: shown with every request; empty for none.
    """

    def __init__(self, url: str, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)

    def get(self, path: str) -> Any:
        """Read something. Raises StackError."""
        return self._ask("GET", path)

    def fetch(self, path: str) -> bytes:
        """Fetch a file. Raises StackError."""
        try:
            answer = self._http.get(path)
        except httpx.HTTPError as error:
            raise StackError(
                f"GET {path} at {self._http.base_url} got no proper answer: {error!r}"
            ) from error
        if not answer.is_success:
            raise Refused(answer.status_code, answer.text[:300], f"GET {path}")
        return answer.content

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for something to be done. Raises StackError; Refused if the server said no."""
        return self._ask("POST", path, body or {})

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Write something. Raises StackError."""
        return self._ask("PUT", path, body)

    def all(self, path: str) -> list[Any]:
        """The results of a list that fits on one page. Raises StackError."""
        answer = self.get(path)
        return list(answer["results"] if isinstance(answer, dict) else answer)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
            content = answer.json() if answer.content else None
        except (httpx.HTTPError, ValueError) as error:
            raise StackError(
                f"{method} {path} at {self._http.base_url} got no proper answer: {error!r}"
            ) from error
        if not answer.is_success:
            detail = content.get("detail", "") if isinstance(content, dict) else str(content)
            raise Refused(answer.status_code, detail, f"{method} {path}")
        return content


def until(what: str, look: Callable[[], Found | None], *, seconds: float) -> Found:
    """Look again and again until there is something to see.

    Args:
        what: is waited for, in words.
        look: returns what was found, or a false value.
        seconds: how long.

    Raises:
        StackError: the time is over.
    """
    give_up = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        if time.monotonic() > give_up:
            raise StackError(f"Waited {seconds:g} s for this, in vain: {what}.")
        time.sleep(_POLL)
