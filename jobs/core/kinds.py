"""Kinds: the closed set of node kinds, and the fields of each."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import cast

from jobs.core import fields
from jobs.core.expr import Survey, plain, survey
from jobs.core.fields import Field
from jobs.core.names import PlanError, check_node_id, clip

COMMON: Mapping[str, Field] = {
    "after": fields.names("node id"),
    "when": fields.condition(),
    "retry": fields.RETRY,
    "timeout": fields.TIMEOUT,
    "on_error": fields.choice("fail", "skip", "continue"),
    "gates": fields.GATES,
}

KINDS: Mapping[str, Mapping[str, Field]] = {
    "tool": {"tool": fields.name("tool name"), "args": fields.named()},
    "llm": {
        "model": fields.MODEL,
        "messages": fields.sequence(),
        "tools": fields.names("tool name"),
        "output": fields.JSON_SCHEMA,
        "params": fields.named(),
    },
    "workflow": {"fn": fields.name("workflow name"), "args": fields.named()},
    "agent": {"agent": fields.AGENT, "goal": fields.expression()},
    "wait": {
        "signal": fields.name("signal name"),
        "deadline": fields.DEADLINE,
        "on_timeout": fields.choice("fail", "continue"),
    },
    "receive": {
        "channel": fields.name("channel name"),
        "deadline": fields.DEADLINE,
        "on_timeout": fields.choice("fail", "continue"),
    },
    "sleep": {"seconds": fields.SPAN},
    "approval": {
        "question": fields.question(),
        "show": fields.named(),
        "groups": fields.texts(),
        "users": fields.texts(),
        "quorum": fields.count(1, 1),
        "four_eyes": fields.FLAG,
        "deadline": fields.DEADLINE,
        "on_timeout": fields.choice("reject", "approve", "escalate"),
        "escalate_to": fields.texts(),
        "form": fields.JSON_SCHEMA,
    },
    "map": {
        "tool": fields.name("tool name"),
        "over": fields.sequence(),
        "each": fields.named(),
        "concurrency": fields.count(1, None),
        "tolerate": fields.count(0, 0),
    },
    "branch": {
        "cond": fields.condition(required=True),
        "then": fields.names("node id"),
        "otherwise": fields.names("node id"),
    },
}

# Which nodes can be asked how they ended in this way; the other states every node has.
STATE_KINDS: Mapping[str, frozenset[str]] = {
    "approved": frozenset({"approval"}),
    "rejected": frozenset({"approval"}),
    "timed_out": frozenset({"wait", "receive", "approval"}),
}

FIELDS: Mapping[str, Mapping[str, Field]] = {kind: {**COMMON, **own} for kind, own in KINDS.items()}
_EXPRESSIONS = {kind: [key for key, each in known.items() if each.expr] for kind, known in FIELDS.items()}

Node = dict[str, object]


def read_node(raw: object) -> Node:
    """Return the normal form of one node: all its fields, in their order, defaults filled in.

    Raises PlanError naming the node and the field.
    """
    if not isinstance(raw, dict):
        raise PlanError(f"{clip(raw)} is not a node: use an object with id, kind and so on", "bad_node")
    node_id = check_node_id(raw.get("id"))
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise PlanError(
            f"node {node_id!r}: unknown kind {clip(kind)}; known are {', '.join(KINDS)}",
            "unknown_kind",
            node_id,
        )
    known = FIELDS[kind]
    unknown = [key for key in raw if key not in known and key not in ("id", "kind")]
    if unknown:
        raise PlanError(
            f"node {node_id!r}: unknown field {clip(unknown[0])}; a node of kind {kind} has {', '.join(known)}",
            "unknown_field",
            node_id,
        )
    node: Node = {"id": node_id, "kind": kind}
    for key, field in known.items():
        node[key] = _read_field(node_id, key, field, raw)
    _check_whole(node)
    return node


def _read_field(node: str, key: str, field: Field, raw: Node) -> object:
    if field.required and key not in raw:
        raise PlanError(f"node {node!r}: the field {key!r} is missing; give it", "missing_field", node)
    value = raw.get(key)
    if value is None and not field.required:
        return copy(field.default) if isinstance(field.default, list | dict) else field.default
    try:
        return field.read(plain(value))
    except PlanError as problem:
        raise PlanError(f"node {node!r}, field {key!r}: {problem}", problem.code, node) from None


def survey_node(node: Node) -> Survey:
    """Return what all expressions of a node name, its `when` included."""
    found = Survey()
    for key in _EXPRESSIONS[cast(str, node["kind"])]:
        survey(node[key], found)
    return found


def _check_whole(node: Node) -> None:
    """Check what concerns several fields of a node."""
    kind, node_id = cast(str, node["kind"]), cast(str, node["id"])
    for key in _EXPRESSIONS[kind]:
        if (kind, key) != ("map", "each") and survey(node[key]).item:
            raise PlanError(
                f"node {node_id!r}, field {key!r}: the item of a map has no meaning here; it is known only in "
                "`each` of a map",
                "item_outside_map",
                node_id,
            )
    if kind == "approval":
        _check_approval(node, node_id)
    if kind == "branch":
        twice = sorted(set(cast(list[str], node["then"])) & set(cast(list[str], node["otherwise"])))
        if twice:
            raise PlanError(
                f"node {node_id!r}: {twice[0]!r} stands under both then and otherwise, so it could never run; "
                "keep it on one side",
                "both_sides",
                node_id,
            )


def _check_approval(node: Node, node_id: str) -> None:
    groups, users = cast(list[str], node["groups"]), cast(list[str], node["users"])
    quorum = cast(int, node["quorum"])
    if not groups and not users:
        raise PlanError(
            f"node {node_id!r}: nobody may answer this approval; name groups or users",
            "nobody_may_answer",
            node_id,
        )
    if not groups and quorum > len(users):
        raise PlanError(
            f"node {node_id!r}: a quorum of {quorum} can never be reached by {len(users)} user(s); lower it, or "
            "name more users or a group",
            "bad_quorum",
            node_id,
        )
    if node["on_timeout"] == "escalate" and not node["escalate_to"]:
        raise PlanError(
            f"node {node_id!r}: on_timeout is escalate, but escalate_to names nobody; name somebody",
            "nobody_to_escalate_to",
            node_id,
        )
