"""A plan without what it says: nodes, kinds, conditions' shape and who waits for whom stay, every literal goes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .expr import form_of, survey

LITERAL: Mapping[str, Any] = {"erased": True}
TEXT = "erased"


def blank_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan of an erased event; it is a valid one, with the same steps in the same order, waiting alike."""
    return {**plan, "nodes": [_node(each) for each in plan["nodes"]], "output": _expr(plan["output"])}


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: FIELDS[name](value) if name in FIELDS else value for name, value in node.items()}


def _names_something(expr: Any) -> bool:
    found = survey(expr)
    return bool(found.data or found.soft or found.states or found.errors or found.item)


def _expr(expr: Any) -> Any:
    """An expression with its references, and a mark for each literal."""
    if expr is None:
        return None
    if not _names_something(expr):
        return dict(LITERAL)
    if isinstance(expr, list | tuple):
        return [_expr(each) for each in expr]
    match form_of(expr):
        case "$op":
            return {**expr, "args": [_expr(each) for each in expr["args"]]}
        case "$default":
            return {"$default": [_expr(each) for each in expr["$default"]]}
        case None:
            return {name: _expr(value) for name, value in expr.items() if _names_something(value)}
    return expr


def _named(args: Any) -> Any:
    """Arguments by name: their names are the tool's own."""
    return {name: _expr(value) for name, value in args.items()}


def _sequence(expr: Any) -> Any:
    return [_expr(each) for each in expr] if isinstance(expr, list) else _expr(expr)


def _condition(expr: Any) -> Any:
    if expr is None or isinstance(expr, bool):
        return expr
    return _expr(expr) if _names_something(expr) else True


def _question(expr: Any) -> Any:
    return _expr(expr) if _names_something(expr) else TEXT


def _output(value: Any) -> None:
    """The schema of a model's answer, or of an approval's form."""


# What may hold a value that somebody gave, by the name of the field; a node's other fields are structure.
FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "when": _condition, "cond": _condition, "args": _named, "params": _named, "show": _named, "each": _named,
    "messages": _sequence, "over": _sequence, "goal": _expr, "question": _question, "output": _output, "form": _output,
}  # fmt: skip
