"""Authoring: turn what a planner writes (handles, tools, classes) into the JSON of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict, runtime_checkable

from jobs.core.names import PlanError, clip
from jobs.core.refs import NodeRef, Ref, encode


class Named(Protocol):
    """A registered tool or workflow."""

    @property
    def name(self) -> str:
        """The name it is registered under."""


@runtime_checkable
class Storable(Protocol):
    """Something with a JSON form, such as a retry policy."""

    def to_json(self) -> Mapping[str, object]:
        """Return that form."""


class Options(TypedDict, total=False):
    """The keywords that every maker of a node takes."""

    after: NodeRef | str | list[NodeRef | str] | tuple[NodeRef | str, ...]
    when: Ref | bool | None
    retry: Storable | Mapping[str, object] | None
    timeout: float | str | None
    on_error: str


def options_of(words: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide keywords into the options of every node and the rest."""
    options = {key: value for key, value in words.items() if key in Options.__annotations__}
    return options, {key: value for key, value in words.items() if key not in options}


def check_words(node: str, fields: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Check that all options are known, and that no reference stands where a value is wanted now.

    Raises PlanError.
    """
    known = tuple(Options.__annotations__)
    unknown = [key for key in options if key not in known]
    if unknown:
        raise PlanError(
            f"node {node!r}: unknown keyword {unknown[0]!r}; besides its own, every node takes {', '.join(known)}",
            "unknown_field",
            str(node),
        )
    for key, value in {**fields, **options}.items():
        if isinstance(value, Ref) and key not in ("after", "when"):
            raise PlanError(
                f"node {node!r}, field {key!r}: has to be known while planning, so {value!r} cannot stand here; "
                "give the value itself",
                "reference_not_allowed",
                str(node),
            )


def write_options(node: str, options: Mapping[str, Any]) -> dict[str, object]:
    """Return the JSON of a node's options. Raises PlanError."""
    written = {key: options[key] for key in ("timeout", "on_error") if key in options}
    if "after" in options:
        written["after"] = node_ids(node, "after", options["after"])
    if "when" in options:
        written["when"] = write(node, "when", options["when"])
    retry = options.get("retry")
    if retry is not None:
        written["retry"] = (
            dict(retry.to_json()) if isinstance(retry, Storable) else write(node, "retry", retry)
        )
    return written


def write(node: str, field: str, value: object) -> object:
    """Return the expression of a value. Raises PlanError naming the node and the field."""
    try:
        return encode(value)
    except TypeError as problem:
        raise PlanError(f"node {node!r}, field {field!r}: {problem}", "not_json", node) from None
    except PlanError as problem:
        raise PlanError(f"node {node!r}, field {field!r}: {problem}", problem.code, node) from None


def write_named(node: str, field: str, values: object) -> object:
    """Return the expressions of values by name (arguments, what is shown). Raises PlanError."""
    if isinstance(values, Mapping):
        return {key: write(node, f"{field}.{key}", value) for key, value in values.items()}
    raise PlanError(
        f"node {node!r}, field {field!r}: {clip(values)} is not a dict; give a value for each name",
        "bad_value",
        node,
    )


def node_ids(node: str, field: str, given: object) -> list[str]:
    """Return the ids of handles or ids, one or several. Raises PlanError."""
    if isinstance(given, Ref | str):
        given = [given]
    ids: list[str] = []
    for each in given if isinstance(given, list | tuple) else [given]:
        if not isinstance(each, NodeRef | str):
            raise PlanError(
                f"node {node!r}, field {field!r}: takes nodes (their handles or ids), not {each!r}; for data of a "
                "node write the node itself",
                "bad_value",
                node,
            )
        ids.append(each.id if isinstance(each, NodeRef) else each)
    return ids


def name_of(node: str, what: str, given: object) -> str:
    """Return the name of a registered thing, given itself or its name. Raises PlanError."""
    if isinstance(given, str):
        return given
    name = None if isinstance(given, Ref) else getattr(given, "name", None)
    if isinstance(name, str):
        return name
    raise PlanError(
        f"node {node!r}: {clip(given)} is not a {what}; give a function decorated with @{what}, or its name",
        f"bad_{what}",
        node,
    )


def names_of(node: str, what: str, given: object) -> list[str]:
    """Return the names of several registered things. Raises PlanError."""
    if isinstance(given, list | tuple):
        return [name_of(node, what, each) for each in given]
    raise PlanError(f"node {node!r}: {what}s are given as a list, not as {clip(given)}", f"bad_{what}", node)


def schema_of(node: str, field: str, given: object) -> object:
    """Return the JSON Schema of a pydantic model, or the schema given. Raises PlanError."""
    build = getattr(given, "model_json_schema", None)
    if isinstance(given, Mapping) or given is None:
        return None if given is None else dict(given)
    if isinstance(given, type) and callable(build):
        return build()
    raise PlanError(
        f"node {node!r}, field {field!r}: {clip(given)} is not a form; give a pydantic model class or a JSON Schema",
        "bad_form",
        node,
    )
