"""Whom and what an event names. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..evidence.references import RESULTS, references_in

KINDS = (
    "requester", "actor", "approver", "document", "model", "tool", "tag", "key", "step_outcome", "reference", "job",
)  # fmt: skip
WIDTH = 255
LLM = "aetheris.llm"  # the engine's own tool, by which models are asked

_JOB = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
    yield from (("job", each) for each in _jobs(body))
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


def _jobs(body: Mapping[str, Any]) -> Iterator[str]:
    """The other jobs that an event names as where something came from; a copied event names those of its original."""
    if "copied" in body:
        return
    instance = _part(body.get("instance"))
    actor = _part(body.get("actor"))
    for place in (body, *(body.get(name) for name in ("parent", "forked_from", "recalled_from", "sender")),
                  instance.get("sender"), {"job": instance.get("after")}, {"job": _before(body)},
                  {"job": actor.get("id") if actor.get("kind") == "job" else None}):  # fmt: skip
        job = _part(place).get("job")
        if isinstance(job, str) and _JOB.fullmatch(job):
            yield job


def _before(body: Mapping[str, Any]) -> Any:
    """The job before this one in an agent instance, as the wait for its turn says."""
    return _part(body.get("value")).get("after") if body.get("kind") == "agent" else None


def _part(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _of_model(told: Any) -> Iterator[Mention]:
    """The model that a request asks for, or that an answer came from; arguments of another tool have no messages."""
    if isinstance(told, Mapping) and ("messages" in told or "tool_calls" in told or "provider" in told):
        yield from _texts(("model", told.get("model")))


def _cited(citations: Any) -> Iterator[Mention]:
    for each in citations or () if isinstance(citations, list) else ():
        if isinstance(each, Mapping):
            yield from _texts(("document", each.get("doc_id") or each.get("doc")))
            yield from _texts(("document", each.get("digest")))  # the same content, whatever it is called


def _texts(*found: tuple[str, Any]) -> Iterator[Mention]:
    yield from ((kind, value) for kind, value in found if isinstance(value, str))
