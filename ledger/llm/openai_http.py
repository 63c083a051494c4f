"""A provider for every server that speaks the OpenAI-compatible chat completions form over HTTP."""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpx

from ledger.llm.openai_wire import body_of, reply_of
from ledger.llm.output import finished
from ledger.llm.values import LLMReply, LLMRequest, ModelError, ModelRefused, ModelUnavailable
from ledger.outcomes import ToolCall

RETRYABLE = frozenset({408, 409, 429})
SHOWN = 500
LONGEST_WAIT = 86_400.0


class OpenAIHTTP:
    """Asks `POST {base_url}/chat/completions`, with the call's key as `Idempotency-Key`.

    A connection is opened for each request: a provider then has no state that is bound to an event
    loop, a thread or a process, and a handshake is little beside a model's thinking time.
    """

    name = "openai"

    def __init__(
        self,
        *,
        base_url: str,
        api_key_env: str | None = None,
        api_key: Callable[[], str] | None = None,
        model: str | None = None,
        timeout: float = 120.0,
    ) -> None:
        """Keep the settings; the key itself is read at each call and never kept.

        Args:
            base_url: the server's address up to and including the version, e.g. ending in `/v1`.
            api_key_env: environment variable that holds the key.
            api_key: instead of it, a function that gives the key. Neither: no key is sent.
            model: the name to send instead of the one asked for.
            timeout: seconds for one request where the call has no nearer deadline.

        Raises:
            ValueError: `base_url` is no plain http(s) address, or two keys are given.
        """
        url = httpx.URL(base_url)
        if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query:
            raise ValueError(
                "base_url of an openai provider must be http(s)://host/path without user, password or query; "
                "the key belongs in api_key_env"
            )
        if api_key is not None and api_key_env is not None:
            raise ValueError("an openai provider takes api_key or api_key_env, not both")
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key_env = api_key_env
        self._key = api_key
        self._model = model
        self._timeout = timeout

    @cached_property
    def _ssl(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()

    async def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply:
        """Ask the server.

        Raises:
            ModelRefused: status 3xx or 4xx other than 408, 409, 429; a key that is missing; a bad schema.
            ModelUnavailable: any other status, a broken connection, an unreadable answer.
            BadOutput: the answer is not what the output schema says.
        """
        body = body_of(request, self._model or request.model)
        key = self._api_key(request.model)
        headers = {"Idempotency-Key": call.idempotency_key}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        limit = self._seconds_left(request, call)
        try:
            async with httpx.AsyncClient(verify=self._ssl, timeout=limit) as client:
                response = await client.post(self._url, json=body, headers=headers)
        except httpx.HTTPError as error:
            said = _hidden(f"{type(error).__name__}: {error}", key)
            raise ModelUnavailable(f"model {request.model!r}: no answer from {self._url} ({said})") from None
        if not response.is_success:
            raise _failure(request, response, key)
        return finished(request, reply_of(request, response.content, self.name))

    def _api_key(self, model: str) -> str:
        if self._key is None and self._key_env is None:
            return ""
        source = "api_key" if self._key_env is None else f"environment variable {self._key_env}"
        key = self._key() if self._key is not None else os.environ.get(self._key_env or "", "")
        key = key.strip()
        if not key:
            raise ModelRefused(f"model {model!r}: {source} is empty; set it to the provider's API key")
        if not key.isascii() or not key.isprintable():  # else the HTTP library would print it in its error
            raise ModelRefused(f"model {model!r}: {source} holds characters that no HTTP header can carry")
        return key

    def _seconds_left(self, request: LLMRequest, call: ToolCall) -> float:
        left = call.seconds_left()
        if left is None:
            return self._timeout
        if left <= 0:
            raise ModelUnavailable(f"model {request.model!r}: the call's deadline {call.deadline} has passed")
        return min(left, self._timeout)


def _failure(request: LLMRequest, response: httpx.Response, key: str) -> ModelError:
    status = response.status_code
    said = _hidden(response.text, key)[:SHOWN]
    message = f"model {request.model!r}: {response.request.url} answered {status}: {said}"
    if 300 <= status < 500 and status not in RETRYABLE:
        return ModelRefused(message)
    return ModelUnavailable(message, retry_after=retry_after(response.headers.get("Retry-After")))


def _hidden(text: str, key: str) -> str:
    return text.replace(key, "***") if key else text


def retry_after(text: str | None, now: datetime.datetime | None = None) -> float | None:
    """Read a Retry-After header: seconds or an HTTP date; at most a day, None where it says neither."""
    if text is None:
        return None
    if text.strip().isascii() and text.strip().isdigit():
        return min(float(text), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=datetime.UTC)
    wait = (at - (now or datetime.datetime.now(datetime.UTC))).total_seconds()
    return min(max(wait, 0.0), LONGEST_WAIT)
