"""Fields: how each field of a plan's node is read, and what it looks like in JSON Schema.

A reader takes a plain JSON value and returns its normal form, or raises PlanError without naming the
node: whoever reads a node adds which one it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jobs.core.expr import form_of, survey
from jobs.core.names import ID, PlanError, check_id, check_node_id, clip, deadline, seconds
from ledger.retry import Retry

Reader = Callable[[object], object]
Schema = dict[str, object]

EXPR: Schema = {"$ref": "#/$defs/expr"}
DURATION: Schema = {"$ref": "#/$defs/duration"}
NAME: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 200}


@dataclass(frozen=True)
class Field:
    """One field: its reader, its JSON Schema, its default, and whether it holds expressions."""

    read: Reader
    schema: Schema
    default: object = None
    required: bool = False
    expr: bool = False


def _refuse(value: object, wanted: str, code: str = "bad_value") -> PlanError:
    return PlanError(f"{clip(value)} is not {wanted}", code)


def _is_form(value: object) -> bool:
    return isinstance(value, dict) and form_of(value) is not None


def _expr(value: object) -> object:
    survey(value)
    return value


def _condition(value: object) -> object:
    """Any other literal would be constant by mistake: "order.ok" in quotes is always true."""
    if isinstance(value, bool) or (isinstance(value, dict) and form_of(value) not in (None, "$lit")):
        return _expr(value)
    raise _refuse(
        value, "a condition: use true, false, a reference or a comparison of references", "bad_condition"
    )


def _sequence(value: object) -> object:
    if isinstance(value, list) or _is_form(value):
        return _expr(value)
    raise _refuse(value, "a list or a reference to one")


def _named(value: object) -> object:
    """An object of expressions by name: arguments of a tool, what an approval shows."""
    if not isinstance(value, dict):
        raise _refuse(value, "an object with a value for each name")
    for name, each in value.items():
        if not name or name.startswith("$"):
            raise _refuse(name, "a name: use one that is not empty and does not begin with '$'", "bad_name")
        survey(each)
    return value


def _name(what: str) -> Reader:
    return lambda value: check_id(value, what)


def _names(what: str) -> Reader:
    def read(value: object) -> object:
        if not isinstance(value, list):
            raise _refuse(value, f"a list of {what}s")
        return list(dict.fromkeys(check_id(each, what) for each in value))

    return read


def _agent(value: object) -> object:
    name, at, version = value.partition("@") if isinstance(value, str) else ("", "", "")
    check_id(name if isinstance(value, str) else value, "agent name")
    if at:
        check_id(version, "agent version")
    return value


def _text(value: object) -> object:
    if isinstance(value, str) and 0 < len(value) <= 200:
        return value
    raise _refuse(value, "a text of 1 to 200 characters")


def _texts(value: object) -> object:
    if not isinstance(value, list):
        raise _refuse(value, "a list of names")
    return list(dict.fromkeys(str(_text(each)) for each in value))


def _question(value: object) -> object:
    if (isinstance(value, str) and value) or _is_form(value):
        return _expr(value)
    raise _refuse(value, "a question: use text that is not empty, or a reference to text")


def _flag(value: object) -> object:
    if isinstance(value, bool):
        return value
    raise _refuse(value, "true or false")


def _count(lowest: int) -> Reader:
    def read(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= 1_000_000:
            return value
        raise _refuse(value, f"a whole number from {lowest} to 1,000,000")

    return read


def _choice(*choices: str) -> Reader:
    def read(value: object) -> object:
        if isinstance(value, str) and value in choices:
            return value
        raise _refuse(value, f"one of {', '.join(choices)}")

    return read


def _timeout(value: object) -> object:
    span = seconds(value)
    if span > 0:
        return span
    raise PlanError(
        "a timeout of zero leaves no time for the call: use more, or null for none", "bad_duration"
    )


def _retry(value: object) -> object:
    """The policy checks itself; the bound on waits is ours."""
    if not isinstance(value, dict):
        raise _refuse(
            value, "a retry policy: use an object with max_attempts, backoff and so on", "bad_retry"
        )
    try:
        policy: dict[str, object] = dict(Retry.from_json(value).to_json())
        seconds(policy["backoff"])
        seconds(policy["max_backoff"])
    except ValueError as problem:
        raise PlanError(str(problem), "bad_retry") from None
    return policy


def _json_schema(value: object) -> object:
    if isinstance(value, dict):
        return value
    raise _refuse(value, "a JSON Schema: use an object")


def _gates(value: object) -> object:
    if not isinstance(value, list):
        raise _refuse(value, "a list of gates")
    for gate in value:
        if not isinstance(gate, dict) or set(gate) != {"branch", "side"}:
            raise _refuse(gate, 'a gate: use {"branch": id, "side": "then" or "otherwise"}', "bad_gate")
        check_id(gate["branch"], "node id")
        _choice("then", "otherwise")(gate["side"])
    return value


def _list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def expression() -> Field:
    """Any expression; a field that must be given."""
    return Field(_expr, EXPR, required=True, expr=True)


def condition(required: bool = False) -> Field:
    """A condition: a boolean or an expression object."""
    return Field(_condition, {"$ref": "#/$defs/condition"}, required=required, expr=True)


def sequence() -> Field:
    """A list, or an expression that yields one."""
    schema: Schema = {"anyOf": [_list_of(EXPR), {"$ref": "#/$defs/form"}]}
    return Field(_sequence, schema, required=True, expr=True)


def named() -> Field:
    """Expressions by name."""
    schema: Schema = {
        "type": "object",
        "propertyNames": {"pattern": "^[^$]"},
        "additionalProperties": EXPR,
    }
    return Field(_named, schema, default={}, expr=True)


def question() -> Field:
    """A text that is not empty, or an expression that yields text."""
    schema: Schema = {"anyOf": [{"type": "string", "minLength": 1}, {"$ref": "#/$defs/form"}]}
    return Field(_question, schema, required=True, expr=True)


def name(what: str) -> Field:
    """A required id."""
    return Field(_name(what), NAME, required=True)


def names(what: str) -> Field:
    """A list of ids, each once."""
    return Field(_names(what), _list_of(NAME), default=[])


def texts() -> Field:
    """A list of free names (groups, users), each once."""
    return Field(_texts, _list_of(TEXT), default=[])


def count(lowest: int, default: int | None) -> Field:
    """A whole number."""
    schema: Schema = {"type": "integer", "minimum": lowest, "maximum": 1_000_000}
    return Field(_count(lowest), schema, default=default)


def choice(*choices: str) -> Field:
    """One of several words; the first is the default."""
    return Field(_choice(*choices), {"enum": list(choices)}, default=choices[0])


NODE_ID = Field(check_node_id, NAME, required=True)
AGENT = Field(_agent, {"type": "string", "pattern": f"^{ID.pattern}(?:@{ID.pattern})?$"}, required=True)
MODEL = Field(_text, TEXT, required=True)
SPAN = Field(seconds, DURATION, required=True)
TIMEOUT = Field(_timeout, DURATION)
DEADLINE = Field(deadline, {"$ref": "#/$defs/deadline"})
RETRY = Field(_retry, {"$ref": "#/$defs/retry"})
FLAG = Field(_flag, {"type": "boolean"}, default=False)
JSON_SCHEMA = Field(_json_schema, {"type": "object"})
GATES = Field(_gates, _list_of({"$ref": "#/$defs/gate"}), default=[])
