"""What is asked of a language model, what it answers, and how it can fail."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from ledger.canonical import digest
from ledger.outcomes import ToolCall


class ModelError(Exception):
    """A model did not answer as asked. `permanent`: another try would end the same way."""

    code = "model_error"
    permanent = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelRefused(ModelError):
    """The request itself is wrong for this provider; it is not sent again."""

    code = "model_refused"
    permanent = True


class ModelUnavailable(ModelError):
    """The provider could not answer now; `retry_after` is its own wish in seconds, if it gave one."""

    code = "model_unavailable"


class BadOutput(ModelError):
    """The model answered, but not in the form that was asked for."""

    code = "bad_output"


class UnknownModel(LookupError):
    """No provider is registered for a model name."""

    code = "unknown_model"
    permanent = True


@dataclass(frozen=True)
class LLMRequest:
    """One question to a model. `messages` have the chat form `{role, content}`; `tools` are
    `{name, description, parameters}`; `output` is a JSON Schema that the answer must satisfy;
    `params` go to the provider as they are (`temperature`, `max_tokens`...)."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    output: Mapping[str, Any] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The request as a JSON object."""
        return {
            "model": self.model,
            "messages": [dict(each) for each in self.messages],
            "tools": [dict(each) for each in self.tools],
            "output": None if self.output is None else dict(self.output),
            "params": dict(self.params),
        }

    def digest(self) -> str:
        """Digest of the canonical text of the request: equal questions have equal digests."""
        return digest(self.to_json())


@dataclass(frozen=True)
class LLMReply:
    """A model's answer. `tool_calls` are wishes `{id, name, arguments}`, nothing was called;
    `output` is the validated value where an output schema was given; `model` is the name that
    answered; `raw_digest` is the SHA-256 of the bytes received, if there were any."""

    text: str = ""
    output: Any = None
    tool_calls: tuple[dict[str, Any], ...] = ()
    usage: Mapping[str, int] = field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0})
    model: str = ""
    provider: str = ""
    finish_reason: str = "stop"
    raw_digest: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The reply as a JSON object."""
        return asdict(self) | {"tool_calls": list(self.tool_calls), "usage": dict(self.usage)}


class Provider(Protocol):
    """Who answers for a model.

    `complete` may be an `async def`; a plain one is run in a thread. It raises `ModelRefused`,
    `ModelUnavailable` or `BadOutput`, and sends `call.idempotency_key` along if it can.
    """

    def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply | Awaitable[LLMReply]:
        """Answer one request."""
