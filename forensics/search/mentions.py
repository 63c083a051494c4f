"""Whom and what an event names. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..evidence.references import RESULTS, references_in

KINDS = (
    "requester", "actor", "approver", "document", "model", "tool", "tag", "key", "step_outcome", "reference",
)  # fmt: skip
WIDTH = 255
LLM = "aetheris.llm"  # the engine's own tool, by which models are asked

Mention = tuple[str, str]


def mentions_of(type: str, body: Mapping[str, Any] | None) -> list[Mention]:
    """Kind and value of everything an event names, each once.

    Args:
        type: the event's.
        body: as it is stored, read; None where it was erased. Parts that stand aside are not looked into.
    """
    if not body:
        return []
    return list(dict.fromkeys((kind, value[:WIDTH]) for kind, value in _found(type, body) if value))


def _found(type: str, body: Mapping[str, Any]) -> Iterator[Mention]:
    for member in ("actor", "by", "to"):
        yield from (("actor", each) for each in _names(body.get(member)))
    if isinstance(outcome := body.get("step_outcome"), str):
        yield "step_outcome", outcome
    yield from (("reference", each) for each in references_in(body.get(RESULTS.get(type, ""))))
    match type:
        case "job_created":
            yield from (("requester", each) for each in _names(body.get("actor")))
            yield from (("tag", each) for each in body.get("tags") or () if isinstance(each, str))
        case "approval_decided":
            yield from (("approver", each) for each in _names(body.get("actor")))
        case "command_emitted":
            yield from _of_model(body.get("args"))
        case "tool_invocation_started":
            yield from _texts(("tool", body.get("tool")), ("key", body.get("business_key")))
        case "tool_invocation_finished":
            yield from _texts(("tool", body.get("tool")))
            yield from _cited(body.get("citations"))
            if body.get("tool") == LLM:
                yield from _of_model(body.get("result"))
        case "reasoning_snapshot":
            yield from _of_model(body.get("llm_request"))
            yield from _of_model(body.get("llm_response"))


def _names(actor: Any) -> Iterator[str]:
    """Id and name of a person; the runtime itself is nobody."""
    if isinstance(actor, Mapping) and actor.get("kind") != "system":
        yield from (each for each in (actor.get("id"), actor.get("name")) if isinstance(each, str))


def _of_model(told: Any) -> Iterator[Mention]:
    """The model that a request asks for, or that an answer came from; arguments of another tool have no messages."""
    if isinstance(told, Mapping) and ("messages" in told or "tool_calls" in told or "provider" in told):
        yield from _texts(("model", told.get("model")))


def _cited(citations: Any) -> Iterator[Mention]:
    for each in citations or () if isinstance(citations, list) else ():
        if isinstance(each, Mapping):
            yield from _texts(("document", each.get("doc_id") or each.get("doc")))


def _texts(*found: tuple[str, Any]) -> Iterator[Mention]:
    yield from ((kind, value) for kind, value in found if isinstance(value, str))
