"""The OpenAI-compatible chat form: our request as its body, its answer as our reply (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ledger.canonical import canonical
from ledger.llm.values import BadOutput, LLMReply, LLMRequest, ModelRefused, ModelUnavailable

RESERVED = frozenset({"model", "messages", "tools", "response_format", "stream"})
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_-]")


def wire_name(name: str) -> str:
    """A tool's name as this form allows it: 64 of `A-Za-z0-9_-`; changed names stay distinct."""
    plain = _FORBIDDEN.sub("_", name)
    if plain == name and len(name) <= 64:
        return name
    return f"{plain[:55]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def body_of(request: LLMRequest, model: str) -> dict[str, Any]:
    """The JSON body of a request.

    Args:
        request: what is asked.
        model: the name under which the server knows the model.

    Raises:
        ModelRefused: `params` would overwrite a part that the runtime sets.
    """
    taken = sorted(RESERVED & set(request.params))
    if taken:
        raise ModelRefused(f"model {request.model!r}: params may not set {', '.join(taken)}; remove it")
    body: dict[str, Any] = {
        **request.params,
        "model": model,
        "messages": [_message(m) for m in request.messages],
    }
    if request.tools:
        body["tools"] = [
            {"type": "function", "function": {**t, "name": wire_name(t["name"])}} for t in request.tools
        ]
    if request.output is not None:
        shape = {"name": "output", "schema": dict(request.output)}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    return body


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    written = dict(message)
    if message.get("role") == "tool" and not isinstance(message.get("content"), str):
        written["content"] = canonical(message.get("content"))
    if message.get("tool_calls"):
        written["tool_calls"] = [_wish(each) for each in message["tool_calls"]]
    return written


def _wish(wish: Mapping[str, Any]) -> dict[str, Any]:
    """A tool call of an earlier reply, given back to the model as part of the talk."""
    if "function" in wish:
        return dict(wish)
    function = {"name": wire_name(wish["name"]), "arguments": canonical(wish["arguments"])}
    return {"id": wish["id"], "type": "function", "function": function}


def reply_of(request: LLMRequest, raw: bytes, provider: str) -> LLMReply:
    """Read the server's answer.

    Raises:
        ModelUnavailable: the bytes are no chat completion.
        BadOutput: the arguments of a tool call are no JSON object.
    """
    try:
        data = json.loads(raw)
        choice = data["choices"][0]
        message = choice["message"]
        text = _text(message.get("content")) or message.get("refusal") or ""
        wishes = [(each["id"], each["function"]) for each in message.get("tool_calls") or ()]
        usage = data.get("usage") or {}
        tokens = {
            "input_tokens": int(usage.get("prompt_tokens") or 0),
            "output_tokens": int(usage.get("completion_tokens") or 0),
        }
        reason = "refusal" if message.get("refusal") else str(choice.get("finish_reason") or "stop")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ModelUnavailable(
            f"model {request.model!r}: the server's answer is no chat completion ({type(error).__name__}: {error})"
        ) from None
    return LLMReply(
        text=text,
        tool_calls=tuple(_call(request, identity, function) for identity, function in wishes),
        usage=tokens,
        model=str(data.get("model") or request.model),
        provider=provider,
        finish_reason=reason,
        raw_digest=hashlib.sha256(raw).hexdigest(),
    )


def _text(content: Any) -> str:
    """Content is text, nothing, or a list of parts of which some are text."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _call(request: LLMRequest, identity: Any, function: Any) -> dict[str, Any]:
    names = {wire_name(each["name"]): each["name"] for each in request.tools}
    try:
        arguments = json.loads(function["arguments"] or "{}")
        name = names.get(function["name"], function["name"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadOutput(f"model {request.model!r} wished a tool call that cannot be read: {error}") from None
    if not isinstance(arguments, dict):
        raise BadOutput(f"model {request.model!r} wished {name!r} with arguments that are no object")
    return {"id": str(identity), "name": name, "arguments": arguments}
