"""Holds a model's answer against the JSON Schema that was asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, NoReturn

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable

from ledger.llm.values import BadOutput, LLMReply, LLMRequest, ModelRefused

SHOWN = 500


def finished(request: LLMRequest, reply: LLMReply) -> LLMReply:
    """Fill in and check `output`.

    Args:
        request: the question, whose `output` is a JSON Schema or None.
        reply: the answer; its text is read as JSON unless it has an output already.

    Returns:
        The reply; unchanged if no schema was given or the model asked for tools instead.

    Raises:
        BadOutput: the text is no JSON, or the value does not satisfy the schema.
        ModelRefused: the schema itself is invalid, or refers to something outside itself.
    """
    if request.output is None or (reply.tool_calls and reply.output is None and not reply.text.strip()):
        return reply
    value = reply.output if reply.output is not None else _parsed(request.model, reply.text)
    _check(request, value)
    return replace(reply, output=value)


def _parsed(model: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadOutput(
            f"model {model!r} was asked for JSON and answered {text[:SHOWN]!r}: {error}"
        ) from None


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _check(request: LLMRequest, value: Any) -> None:
    schema = request.output
    try:
        Draft202012Validator.check_schema(schema)
        # An empty registry: a schema must not make this process fetch addresses.
        fault = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    except SchemaError as error:
        raise ModelRefused(
            f"the output schema given for model {request.model!r} is invalid: {error.message[:SHOWN]}"
        ) from None
    except Unresolvable as error:
        raise ModelRefused(
            f"the output schema given for model {request.model!r} refers to {error.ref!r}, which it does not hold"
        ) from None
    if fault is not None:
        raise BadOutput(
            f"model {request.model!r} answered a value that breaks the output schema at {fault.json_path}: "
            f"{fault.message[:SHOWN]}"
        )
