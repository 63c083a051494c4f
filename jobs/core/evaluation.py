"""Evaluation: the value of an expression against what the nodes of a job have yielded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from jobs.core.expr import Survey, form_of, plain, survey, survey_form
from jobs.core.names import clip

_COMPARE: Mapping[str, Callable[[Any, Any], object]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "in": lambda value, values: value in values,
}
_SIGNS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "in": "in",
    "and": "&",
    "or": "|",
}


class Missing(LookupError):
    """The node `node` has no result: it has not settled, or it settled without one."""

    def __init__(self, node: str) -> None:
        super().__init__(f"node {node!r} has no result")
        self.node = node


class BadReference(ValueError):
    """An expression that does not fit the data it met.

    Attributes: `node` (empty for a map item), `path` into its data, and `null`, true where the path
    ended at a null.
    """

    def __init__(self, message: str, node: str = "", path: Sequence[object] = (), null: bool = False) -> None:
        super().__init__(message)
        self.node = node
        self.path = tuple(path)
        self.null = null


class Scope(Protocol):
    """What an expression is evaluated against."""

    item: object

    def result(self, node: str) -> object:
        """Return the result of a node, or raise Missing."""

    def state(self, node: str, name: str) -> bool:
        """Tell whether a node ended in the named state."""

    def error(self, node: str) -> object:
        """Return the error object of a node, or None."""


def evaluate(expr: object, scope: Scope) -> object:
    """Return the value of an expression; literals are copied, data is handed on as it is.

    Raises Missing where a node that is needed has no result, BadReference where the data does not fit
    (no such key, unlike types compared), PlanError if this is no expression.
    """
    if isinstance(expr, list | tuple):
        return [evaluate(each, scope) for each in expr]
    if not isinstance(expr, dict):
        return expr
    form = form_of(expr)
    if form is None:
        return {key: evaluate(each, scope) for key, each in expr.items()}
    if form == "$lit":
        return plain(expr[form])
    survey_form(form, expr, Survey(), set())
    if form == "$secret":
        return dict(expr)
    if form == "$op":
        return _operate(expr, scope)
    body = cast(list[object], expr[form])
    return _default(body, scope) if form == "$default" else _look_up(form, body, scope)


def _look_up(form: str, body: list[object], scope: Scope) -> object:
    if form == "$item":
        return _follow(scope.item, "", body, "item")
    node = cast(str, body[0])
    if form == "$state":
        return bool(scope.state(node, cast(str, body[1])))
    if form == "$ref":
        return _follow(scope.result(node), node, body[1:], node)
    error = scope.error(node)
    return None if error is None else _follow(error, node, body[1:], f"{node}.error")


def _default(body: list[object], scope: Scope) -> object:
    """A default stands in for a result that is missing, and for a path that leads into a null."""
    try:
        return evaluate(body[0], scope)
    except Missing:
        return evaluate(body[1], scope)
    except BadReference as problem:
        if not problem.null:
            raise
        return evaluate(body[1], scope)


def _operate(expr: dict[str, object], scope: Scope) -> bool:
    name, args = cast(str, expr["$op"]), cast(list[object], expr["args"])
    if name == "and":
        return all(evaluate(each, scope) for each in args)
    if name == "or":
        return any(evaluate(each, scope) for each in args)
    if name == "not":
        return not evaluate(args[0], scope)
    left, right = evaluate(args[0], scope), evaluate(args[1], scope)
    try:
        return bool(_COMPARE[name](left, right))
    except TypeError:
        raise BadReference(
            f"{render(expr)} cannot be answered: {_kind(left)} and {_kind(right)} do not compare so; "
            "compare like with like",
            next(iter(sorted(survey(expr).data)), ""),
        ) from None


def _follow(value: object, node: str, path: Sequence[object], label: str) -> object:
    for step in path:
        if isinstance(step, str) and isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(step, int) and isinstance(value, list | tuple) and -len(value) <= step < len(value):
            value = value[step]
        else:
            owner = f"the result of node {node!r}" if node else "the item of the map"
            raise BadReference(
                f"{render_path(label, path)} does not exist: {label} in {owner} is {_kind(value)}, "
                f"without {clip(step)}; correct the reference or what it reads",
                node,
                path,
                value is None,
            )
        label = render_path(label, [step])
    return value


def _kind(value: object) -> str:
    """Say what stands there without showing it: data may be confidential, its shape is not."""
    if isinstance(value, Mapping):
        keys = [clip(key) for key in list(value)[:10]]
        return f"an object with the keys {', '.join(keys)}" if keys else "an empty object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None:
        return "null"
    return "a boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "a number"


def render_path(label: str, path: Sequence[object]) -> str:
    """Return a reference as one writes it in Python."""
    return label + "".join(f"[{clip(step)}]" for step in path)


def render(expr: object) -> str:
    """Return an expression as one writes it in Python, shortened; for messages."""
    form = form_of(expr) if isinstance(expr, dict) else None
    if not isinstance(expr, dict) or form is None or form == "$lit":
        return clip(expr) if isinstance(expr, str | int | float | None) else _kind(expr)
    if form == "$secret":
        return f"secret({clip(expr[form])})"
    body = cast(list[object], expr[form])
    if form == "$op":
        args = [render(each) for each in cast(list[object], expr["args"])]
        name = cast(str, expr["$op"])
        return f"~{args[0]}" if name == "not" else "(" + f" {_SIGNS[name]} ".join(args) + ")"
    if form == "$default":
        return f"{render(body[0])}.or_({render(body[1])})"
    if form == "$item":
        return render_path("item", body)
    if form == "$state":
        return f"{body[0]}.{body[1]}"
    return render_path(f"{body[0]}.error" if form == "$error" else f"{body[0]}", body[1:])
