"""Api: requests to one address, answers as values, and every way to fail as a Failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from .address import Access
from .failures import Failure, Missing, of_problem

_TIMES = httpx.Timeout(30.0, connect=5.0)
_READS = ("GET", "HEAD")


def connect(access: Access, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """A client for that address; a proxy of the environment is not asked for this machine's own."""
    headers = {"Accept": "application/json"}
    if access.token:
        headers["Authorization"] = f"Bearer {access.token}"
    try:
        return httpx.Client(
            base_url=access.api,
            headers=headers,
            timeout=_TIMES,
            trust_env=not access.is_local,
            transport=transport,
        )
    except UnicodeEncodeError as error:
        raise Failure("The token has characters that no token has", code="bad_token") from error


class Api:
    """The HTTP API as this command line uses it. Every method raises Failure and nothing else."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    @property
    def address(self) -> str:
        """Where it is."""
        return str(self.http.base_url).rstrip("/")

    def get(self, path: str, **params: Any) -> Any:
        """Read something; parameters that are None are left out."""
        return self._answer("GET", path, params=_given(params))

    def post(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        """Ask for something to be done."""
        return self._answer("POST", path, json=dict(body or {}), headers=headers)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something."""
        return self._answer("PATCH", path, json=dict(body))

    def delete(self, path: str) -> Any:
        """Take something away."""
        return self._answer("DELETE", path)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """The results of a list, page after page; also of one that comes whole."""
        query: Any = _given(params)
        while True:
            page = self._answer("GET", path, params=query)
            if isinstance(page, list):
                yield from page
                return
            yield from page["results"]
            if not page.get("next"):
                return
            # Only its query: the address is ours, and the token goes nowhere else.
            query = parse_qsl(urlsplit(str(page["next"])).query, keep_blank_values=True)

    def raw(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer as it came, whatever its status."""
        try:
            return self.http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise broken(self.address, error, changes=method not in _READS) from error

    def _answer(self, method: str, path: str, **options: Any) -> Any:
        answer = self.raw(method, path, **options)
        refuse(answer)
        if answer.status_code == 204 or not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise stranger(answer) from error


def refuse(answer: httpx.Response) -> None:
    """Raise what an answer refuses or fails with; let a success pass."""
    if answer.is_success:
        return
    if answer.is_redirect:
        target = answer.headers.get("Location", "elsewhere")
        raise Failure(
            f"{answer.request.url} is at {target} now",
            code="redirected",
            advice="The token was not sent on. If that is right, give the new address with --api.",
        )
    try:
        problem: Any = answer.json()
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        raise stranger(answer)
    raise of_problem(answer.status_code, problem, answer.headers.get("Retry-After", ""))


def stranger(answer: httpx.Response) -> Failure:
    """The failure of an answer that Aetheris would not give."""
    kind = answer.headers.get("Content-Type", "no content type")
    return (Missing if answer.status_code == 404 else Failure)(
        f"{answer.request.url} answered {answer.status_code} with {kind}, not with JSON",
        code="not_aetheris",
        advice="Is that the address of Aetheris, without /api at its end? `aetheris health` asks it.",
    )


def broken(address: str, error: httpx.HTTPError, *, changes: bool) -> Failure:
    """The failure of a request that got no answer.

    Args:
        address: whom it was sent to.
        error: how it broke.
        changes: whether the server may have done something all the same.
    """
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
        advice = "Does it run there? `make run` starts one here; --api names another."
        return Failure(f"Nothing answers at {address}: {_why(error)}", code="unreachable", advice=advice)
    sentence = f"{address} broke off: {_why(error)}"
    if isinstance(error, httpx.TimeoutException):
        sentence = f"{address} did not answer in time"
    advice = (
        "The server may have done it all the same: look before you repeat it." if changes else "Try again."
    )
    return Failure(sentence, code="no_answer", advice=advice)


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None and value != ()}
