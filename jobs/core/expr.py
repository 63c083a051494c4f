"""Expressions: the JSON form of references and conditions, and what they name.

An expression is a JSON value. These objects inside it are not literal:

    {"$ref": ["order", "cents", 0]}        data of a node, and a path into it
    {"$state": ["ask", "approved"]}        whether a node ended so
    {"$error": ["order", "message"]}       the error of a node (null where there is none)
    {"$item": ["x"]}                       the current item, inside `each` of a map
    {"$op": "gt", "args": [a, b]}          a comparison or a connective
    {"$default": [a, b]}                   a, or b where a has no result
    {"$secret": "name"}                    a secret by reference; only the hand reads it, directly before the call
    {"$lit": {"$ref": "as it stands"}}     a literal that is not to be read

A literal object never has a key that begins with "$" outside `$lit`. Truth is Python's: `and`, `or`
and `not` take any value and yield a boolean; equality of unlike types is false, not an error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from jobs.core.names import ID, PlanError, clip

MAX_DEPTH = 100
STATES = ("approved", "rejected", "timed_out", "skipped", "failed")
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge", "in")
OPERATORS = (*COMPARISONS, "and", "or", "not")
_NESTED = (dict, list, tuple)  # anything else names nothing
_FORMS = frozenset({"$ref", "$state", "$error", "$item", "$default", "$lit", "$secret"})


@dataclass
class Survey:
    """What one or several expressions name."""

    data: set[str] = field(default_factory=set)
    soft: set[str] = field(default_factory=set)
    states: set[tuple[str, str]] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)
    item: bool = False

    @property
    def watched(self) -> set[str]:
        """The nodes whose state or error is named."""
        return {node for node, _ in self.states} | self.errors


def plain(value: object, depth: int = 0) -> object:
    """Return a copy of a JSON value. Raises PlanError for what JSON cannot hold, and for deep nesting."""
    if depth > MAX_DEPTH:
        raise PlanError(f"values are nested more than {MAX_DEPTH} deep: flatten them", "too_deep")
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise PlanError(f"{clip(key)} is not a string, so it cannot be a key in JSON", "not_json")
        return {str(key): plain(each, depth + 1) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each, depth + 1) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise PlanError(f"{value!r} is not a number in JSON: use a finite one, or null", "not_json")
    if isinstance(value, int) and value.bit_length() > 4096:
        raise PlanError("an integer has more than 4096 bits: pass it as text", "not_json")
    if value is None or isinstance(value, str | int | float):
        return value
    raise PlanError(f"{clip(value)} is not a JSON value", "not_json")


def form_of(expr: dict[str, object]) -> str | None:
    """Return the form of an object ("$ref", "$op", ...), None if it is literal.

    Raises PlanError (`bad_expression`) if it is neither.
    """
    marks = [key for key in expr if key.startswith("$")]
    if not marks:
        return None
    if set(expr) == {"$op", "args"}:
        return "$op"
    if len(expr) == 1 and marks[0] in _FORMS:
        return marks[0]
    raise PlanError(
        f"an object with the keys {', '.join(sorted(map(clip, expr)))} is no expression: known are $op with "
        f'args, or one of {", ".join(sorted(_FORMS))} alone; wrap a literal object in {{"$lit": ...}}',
        "bad_expression",
    )


def survey(expr: object, found: Survey | None = None) -> Survey:
    """Check the shape of an expression and return what it names (added to `found` if given).

    Raises PlanError (`bad_expression`, `too_deep`).
    """
    found = found or Survey()
    if isinstance(expr, _NESTED):
        _survey(expr, found, found.data, 0)
    return found


def _survey(expr: object, found: Survey, into: set[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise PlanError(f"an expression is nested more than {MAX_DEPTH} deep: split it", "too_deep")
    form = form_of(expr) if isinstance(expr, dict) else None
    inner: Sequence[object] = ()
    if isinstance(expr, list | tuple):
        inner = expr
    elif isinstance(expr, dict) and form is None:
        inner = list(expr.values())
    elif isinstance(expr, dict) and form != "$lit":
        inner = survey_form(cast(str, form), expr, found, into)
    if form == "$default":
        into = found.soft
    for each in inner:
        if isinstance(each, _NESTED):
            _survey(each, found, into, depth + 1)


def survey_form(form: str, expr: dict[str, object], found: Survey, into: set[str]) -> Sequence[object]:
    """Note what one form names; return the expressions inside it."""
    body = expr[form]
    if form in ("$op", "$secret"):
        return _operands(body, expr["args"]) if form == "$op" else _secret(body)
    if not isinstance(body, list):
        raise _bad(form, "takes a list")
    if form == "$default":
        if len(body) != 2:
            raise _bad(form, "takes a reference and its default")
        return body
    if form == "$item":
        found.item = True
        _check_path(form, body)
        return ()
    if not body or not isinstance(body[0], str):
        raise _bad(form, "takes a list that begins with a node id")
    if form == "$state":
        if len(body) != 2 or body[1] not in STATES:
            raise _bad(form, f"takes a node id and one of {', '.join(STATES)}")
        found.states.add((body[0], body[1]))
        return ()
    _check_path(form, body[1:])
    (into if form == "$ref" else found.errors).add(body[0])
    return ()


def _secret(name: object) -> Sequence[object]:
    if not isinstance(name, str) or not ID.fullmatch(name):
        raise _bad("$secret", "takes the name of a secret")
    return ()


def _operands(name: object, args: object) -> Sequence[object]:
    if not isinstance(name, str) or name not in OPERATORS:
        raise _bad("$op", f"knows {', '.join(OPERATORS)}, not {clip(name)}")
    wanted = 1 if name == "not" else 2 if name in COMPARISONS else 0
    if not isinstance(args, list) or not args or (wanted and len(args) != wanted):
        raise _bad("$op", f"{name} takes {wanted or 'at least one'} in the list args")
    return args


def _check_path(form: str, path: list[object]) -> None:
    for step in path:
        if not isinstance(step, str | int) or isinstance(step, bool):
            raise _bad(form, f"takes strings and integers as its path, not {clip(step)}")


def _bad(form: str, rule: str) -> PlanError:
    return PlanError(f"the expression {form} {rule}", "bad_expression")


def data_refs(expr: object) -> frozenset[str]:
    """Return the nodes whose data the expression cannot do without."""
    return frozenset(survey(expr).data)


def soft_refs(expr: object) -> frozenset[str]:
    """Return the nodes whose data the expression names only under a default."""
    found = survey(expr)
    return frozenset(found.soft - found.data)


def state_refs(expr: object) -> frozenset[str]:
    """Return the nodes whose state or error the expression names."""
    return frozenset(survey(expr).watched)
