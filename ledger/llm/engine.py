"""The built-in tool through which the engine asks a model, so that the ledger records it like any call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from ledger.llm.providers import provider_for
from ledger.llm.values import LLMReply, LLMRequest
from ledger.outcomes import ToolCall
from ledger.tools import tool


@tool(name="aetheris.llm", effect="idempotent", timeout=120)
async def ask(
    model: str,
    messages: list[dict[str, Any]] | str,
    call: ToolCall,
    tools: list[dict[str, Any]] | None = None,
    output: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Ask a language model; it answers and calls nothing."""
    talk = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    request = LLMRequest(model=model, messages=talk, tools=tools or [], output=output, params=params or {})
    complete: Callable[..., Any] = provider_for(model).complete
    if inspect.iscoroutinefunction(complete):
        answer = complete(request, call)
    else:  # a plain one may block; the loop serves others meanwhile
        answer = await asyncio.to_thread(complete, request, call)
    reply: LLMReply = await answer if inspect.isawaitable(answer) else answer
    return reply.to_json()


LLM_TOOL = ask
