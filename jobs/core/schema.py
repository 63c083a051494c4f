"""The JSON Schema (2020-12) of a plan, format 1, drawn from the same table that plans are read by.

It says what may be written: fields with a default may be absent or null. What a schema cannot say
(cycles, references that lead nowhere) is found when the plan is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

from jobs.core.expr import COMPARISONS, STATES
from jobs.core.fields import NAME, Field, Schema
from jobs.core.kinds import COMMON, KINDS
from jobs.core.names import MAX_SECONDS
from jobs.core.plan import FORMAT, MAX_NODES

_STEP: Schema = {"type": ["string", "integer"]}
_EXPR: Schema = {"$ref": "#/$defs/expr"}


def _alone(key: str, body: Schema) -> Schema:
    """An object that has this one key."""
    return {"type": "object", "properties": {key: body}, "required": [key], "additionalProperties": False}


def _operation(names: tuple[str, ...], fewest: int, most: int | None) -> Schema:
    args: Schema = {"type": "array", "items": _EXPR, "minItems": fewest}
    if most is not None:
        args["maxItems"] = most
    return {
        "type": "object",
        "properties": {"$op": {"enum": list(names)}, "args": args},
        "required": ["$op", "args"],
        "additionalProperties": False,
    }


def _path(first: list[Schema], more: Schema | bool) -> Schema:
    body: Schema = {"type": "array", "minItems": len(first), "items": more}
    return body | {"prefixItems": first} if first else body


def _definitions() -> dict[str, Schema]:
    reads: list[Schema] = [
        _alone("$ref", _path([NAME], _STEP)),
        _alone("$state", _path([NAME, {"enum": list(STATES)}], False)),
        _alone("$error", _path([NAME], _STEP)),
        _alone("$item", _path([], _STEP)),
        _operation(COMPARISONS, 2, 2),
        _operation(("and", "or"), 1, None),
        _operation(("not",), 1, 1),
        _alone("$default", _path([_EXPR, _EXPR], False)),
    ]
    plain: Schema = {
        "type": "object",
        "propertyNames": {"not": {"pattern": "^\\$"}},
        "additionalProperties": _EXPR,
    }
    scalar: Schema = {"type": ["null", "boolean", "number", "string"]}
    literal = _alone("$lit", {})
    secret = _alone("$secret", NAME)
    return {
        "expr": {
            "anyOf": [scalar, {"type": "array", "items": _EXPR}, plain, {"$ref": "#/$defs/form"}],
        },
        "form": {"anyOf": [{"$ref": "#/$defs/read"}, literal, secret]},
        "read": {"anyOf": reads},
        "condition": {"anyOf": [{"type": "boolean"}, {"$ref": "#/$defs/read"}]},
        **_times(),
        "retry": _retry(),
        "gate": {
            "type": "object",
            "properties": {"branch": NAME, "side": {"enum": ["then", "otherwise"]}},
            "required": ["branch", "side"],
            "additionalProperties": False,
        },
    }


def _times() -> dict[str, Schema]:
    duration: Schema = {"$ref": "#/$defs/duration"}
    moment: Schema = {
        "type": "string",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?"
        "([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    }
    return {
        "duration": {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_SECONDS},
                {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$"},
            ],
        },
        "deadline": {"anyOf": [duration, moment, _alone("in", duration), _alone("at", moment)]},
    }


def _retry() -> Schema:
    duration: Schema = {"$ref": "#/$defs/duration"}
    return {
        "type": "object",
        "properties": {
            "max_attempts": {"type": "integer", "minimum": 1},
            "backoff": duration,
            "factor": {"type": "number", "minimum": 1},
            "max_backoff": duration,
            "jitter": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "additionalProperties": False,
    }


def _node(kind: str, own: Mapping[str, Field]) -> Schema:
    known = {**COMMON, **own}
    properties: dict[str, object] = {"id": NAME, "kind": {"const": kind}}
    for key, field in known.items():
        properties[key] = field.schema if field.required else {"anyOf": [{"type": "null"}, field.schema]}
    return {
        "type": "object",
        "properties": properties,
        "required": ["id", "kind", *(key for key, field in known.items() if field.required)],
        "additionalProperties": False,
    }


def _plan() -> Schema:
    nodes = {f"node_{kind}": _node(kind, own) for kind, own in KINDS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:aetheris:plan:{FORMAT}",
        "title": f"Aetheris plan, format {FORMAT}",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            "nodes": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_NODES,
                "items": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in nodes]},
            },
            "output": _EXPR,
        },
        "required": ["format", "nodes"],
        "additionalProperties": False,
        "$defs": {**_definitions(), **nodes},
    }


PLAN_SCHEMA: Schema = _plan()
