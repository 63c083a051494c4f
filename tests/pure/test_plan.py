"""Plan: whatever is wrong with a graph is found before anything runs, and named."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from jobs.core.chain import canonical
from jobs.core.graph import TaskGraph
from jobs.core.plan import MAX_NODES, Plan, PlanError
from jobs.core.schema import PLAN_SCHEMA
from tests.pure.graphs import graphs, json_values

SCHEMA = Draft202012Validator(PLAN_SCHEMA)
ASK = {"id": "ask", "kind": "approval", "question": "Sure?", "groups": ["a"]}
WORDS = (
    "id",
    "kind",
    "after",
    "when",
    "args",
    "$ref",
    "$state",
    "$item",
    "$op",
    "n0",
    "n1",
    "ask",
    "map",
    "tool",
)


def tool(name: str, **fields: object) -> dict[str, object]:
    return {"id": name, "kind": "tool", "tool": "fetch", **fields}


def plan(*nodes: object, **more: object) -> dict[str, object]:
    return {"format": 1, "nodes": list(nodes), **more}


def ref(*path: object) -> dict[str, object]:
    return {"$ref": list(path)}


WRONG: list[tuple[str, str, object]] = [
    ("bad_plan", "", None),
    ("bad_plan", "", []),
    ("bad_plan", "", {"format": 1, "nodes": {}}),
    ("bad_format", "", {"format": True, "nodes": [tool("a")]}),
    ("bad_format", "", {"format": 2, "nodes": [tool("a")]}),
    ("unknown_field", "", plan(tool("a"), edges=[])),
    ("empty", "", plan()),
    ("bad_node", "", plan("a")),
    ("bad_id", "", plan({"kind": "tool"})),
    ("bad_id", "", plan(tool("a\n"))),
    ("bad_id", "", plan(tool("é"))),
    ("bad_id", "", plan(tool("a" * 121))),
    ("reserved_id", "_plan", plan(tool("_plan"))),
    ("duplicate_id", "a", plan(tool("a"), tool("a"))),
    ("unknown_kind", "a", plan({"id": "a", "kind": "shell"})),
    ("unknown_field", "a", plan(tool("a", afer=["b"]))),
    ("missing_field", "a", plan({"id": "a", "kind": "tool"})),
    ("unknown_node", "a", plan(tool("a", after=["b"]))),
    ("unknown_node", "a", plan(tool("a", args={"x": [ref("b", "c")]}))),
    ("unknown_node", "a", plan(tool("a", args={"x": {"$default": [ref("b"), 1]}}))),
    ("unknown_node", "a", plan(tool("a", when={"$state": ["b", "failed"]}))),
    ("unknown_node", "a", plan(tool("a", args={"x": {"$error": ["b"]}}))),
    ("unknown_node", "a", plan({"id": "a", "kind": "branch", "cond": True, "then": ["b"]})),
    ("unknown_node", "", plan(tool("a"), output=ref("b"))),
    ("gates_disagree", "a", plan(tool("a", gates=[{"branch": "b", "side": "then"}]))),
    ("bad_gate", "a", plan(tool("a", gates=[{"branch": "b"}]))),
    ("self_reference", "a", plan(tool("a", args={"x": ref("a")}))),
    ("self_reference", "a", plan(tool("a", when={"$state": ["a", "failed"]}))),
    ("bad_state", "b", plan(tool("a"), tool("b", when={"$state": ["a", "approved"]}))),
    ("bad_state", "b", plan(tool("a"), tool("b", when={"$state": ["a", "timed_out"]}))),
    ("bad_state", "", plan(tool("a"), output={"$state": ["a", "rejected"]})),
    ("bad_expression", "a", plan(tool("a", when={"$op": "xor", "args": [1, 2]}))),
    ("bad_expression", "a", plan(tool("a", when={"$op": "not", "args": [1, 2]}))),
    ("bad_expression", "a", plan(tool("a", args={"x": {"$ref": []}}))),
    ("bad_expression", "a", plan(tool("a", args={"x": {"$ref": ["b", True]}}))),
    ("bad_expression", "a", plan(tool("a", args={"x": {"$state": ["b", "won"]}}))),
    ("bad_expression", "a", plan(tool("a", args={"x": {"$ref": ["b"], "y": 1}}))),
    ("bad_expression", "a", plan(tool("a", args={"x": {"$eval": "1"}}))),
    ("bad_name", "a", plan(tool("a", args={"$x": 1}))),
    ("bad_condition", "a", plan(tool("a", when={"$lit": {"x": 1}}))),
    ("bad_condition", "a", plan({"id": "a", "kind": "branch", "cond": None})),
    ("not_json", "a", plan(tool("a", args={"x": math.nan}))),
    ("not_json", "a", plan(tool("a", args={"x": (1, 2)}))),
    ("item_outside_map", "", plan(tool("a"), output={"$item": []})),
    ("bad_duration", "a", plan({"id": "a", "kind": "sleep", "seconds": -1})),
    ("bad_duration", "a", plan({"id": "a", "kind": "sleep", "seconds": None})),
    ("bad_retry", "a", plan(tool("a", retry={"backoff": "9999999d"}))),
    ("bad_value", "ask", plan({**ASK, "quorum": True})),
    ("bad_value", "ask", plan({**ASK, "question": ""})),
    ("bad_value", "a", plan({"id": "a", "kind": "map", "tool": "fetch", "over": [], "tolerate": -1})),
]


@pytest.mark.parametrize(("code", "node", "data"), WRONG)
def test_a_wrong_plan_is_refused_by_code_and_node(code: str, node: str, data: object) -> None:
    with pytest.raises(PlanError) as caught:
        Plan.load(data)
    assert (caught.value.code, caught.value.node) == (code, node)
    assert node in str(caught.value)


def test_a_cycle_is_named_from_node_to_node() -> None:
    nodes = [tool("x", after=["a"]), tool("a", after=["b"]), tool("b", when=ref("c")), tool("c", after=["a"])]
    with pytest.raises(PlanError, match="a -> b -> c -> a") as caught:
        Plan.load(plan(*nodes))
    assert caught.value.code == "cycle"


def test_a_cycle_through_a_branch_is_found() -> None:
    side = {"id": "side", "kind": "branch", "cond": ref("a", "x"), "then": ["a"]}
    with pytest.raises(PlanError, match="a -> side -> a|side -> a -> side"):
        Plan.load(plan(tool("a"), side))


def test_a_near_name_is_proposed() -> None:
    with pytest.raises(PlanError, match="did you mean 'order'"):
        Plan.load(plan(tool("order"), tool("pay", after=["oder"])))


@pytest.mark.parametrize(
    ("node", "known", "code"),
    [
        (tool("a"), {"tools": ["fetch"]}, None),
        (tool("a"), {"tools": []}, "unknown_tool"),
        ({"id": "a", "kind": "map", "tool": "fetch", "over": []}, {"tools": ["other"]}, "unknown_tool"),
        (
            {"id": "a", "kind": "llm", "model": "m", "messages": [], "tools": ["x"]},
            {"tools": ["m"]},
            "unknown_tool",
        ),
        ({"id": "a", "kind": "llm", "model": "gpt-9", "messages": []}, {"models": ["gpt-*"]}, None),
        ({"id": "a", "kind": "llm", "model": "gpt-9", "messages": []}, {"models": ["gpt"]}, "unknown_model"),
        ({"id": "a", "kind": "workflow", "fn": "w"}, {"workflows": ["v"]}, "unknown_workflow"),
        ({"id": "a", "kind": "agent", "agent": "r", "goal": None}, {"agents": ["r@1"]}, None),
        ({"id": "a", "kind": "agent", "agent": "r@1", "goal": None}, {"agents": ["r@1", "r"]}, None),
        (
            {"id": "a", "kind": "agent", "agent": "r@2", "goal": None},
            {"agents": ["r@1", "r"]},
            "unknown_agent",
        ),
        ({"id": "a", "kind": "agent", "agent": "r@2", "goal": None}, {"agents": ["r"]}, None),
        ({"id": "a", "kind": "agent", "agent": "q", "goal": None}, {"agents": ["r"]}, "unknown_agent"),
    ],
)
def test_what_a_node_calls_is_checked_against_what_exists(
    node: dict[str, object], known: dict[str, list[str]], code: str | None
) -> None:
    assert Plan.load(plan(node)).nodes["a"].kind == node["kind"]
    if code is None:
        Plan.load(plan(node), **known)
        return
    with pytest.raises(PlanError) as caught:
        Plan.load(plan(node), **known)
    assert (caught.value.code, caught.value.node) == (code, "a")


def test_a_node_knows_what_it_needs_and_what_it_waits_for() -> None:
    when = {
        "$op": "and",
        "args": [{"$state": ["ask", "rejected"]}, {"$op": "gt", "args": [ref("a", "n"), 3]}],
    }
    args = {"x": {"$default": [ref("b"), ref("a")]}, "y": {"$error": ["c"]}, "z": ref("d")}
    last = tool("last", after=["e"], when=when, args=args)
    loaded = Plan.load(plan(ASK, *(tool(name) for name in "abcde"), last)).nodes["last"]
    assert loaded.needs == {"a", "d"}
    assert loaded.soft == {"b"}
    assert loaded.names_states == {"ask"}
    assert loaded.watches == {"ask", "c"}
    assert loaded.upstream == {"a", "b", "c", "d", "e", "ask"}


def test_a_short_plan_is_filled_to_its_normal_form() -> None:
    loaded = Plan.load(plan(tool("a"), tool("b", after=["a", "a"], when=None, timeout="1m")))
    assert loaded.to_json()["nodes"][1] == {  # type: ignore[index]
        "id": "b",
        "kind": "tool",
        "after": ["a"],
        "when": None,
        "retry": None,
        "timeout": 60.0,
        "on_error": "fail",
        "gates": [],
        "tool": "fetch",
        "args": {},
    }


def test_a_plan_cannot_be_changed_from_outside() -> None:
    data = plan(tool("a", args={"x": [1]}))
    loaded = Plan.load(data)
    before = loaded.to_json()
    data["nodes"][0]["args"]["x"].append(2)  # type: ignore[index]
    loaded.to_json()["nodes"].clear()  # type: ignore[attr-defined]
    assert loaded.to_json() == before
    with pytest.raises(TypeError):
        loaded.nodes["b"] = loaded.nodes["a"]  # type: ignore[index]
    with pytest.raises(TypeError):
        loaded.nodes["a"].spec["tool"] = "other"  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.nodes["a"].kind = "sleep"  # type: ignore[misc]


def test_the_longest_chain_loads_and_one_node_more_is_refused() -> None:
    chain = [tool(f"n{number}", args={"x": ref(f"n{number + 1}")}) for number in range(MAX_NODES - 1)]
    loaded = Plan.load(plan(*chain, tool(f"n{MAX_NODES - 1}")))
    assert loaded.dependents["n9999"] == ("n9998",)
    with pytest.raises(PlanError, match="wait for each other: n0 -> n1 -> ") as caught:
        Plan.load(plan(*chain, tool(f"n{MAX_NODES - 1}", after=["n0"])))
    assert len(str(caught.value)) < 300
    with pytest.raises(PlanError) as caught:
        Plan.load(plan(*chain, tool("x"), tool("y")))
    assert caught.value.code == "too_many_nodes"


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    for data in (plan(tool("a", args={"x": deep})), plan(tool("a"), output=deep)):
        with pytest.raises(PlanError) as caught:
            Plan.load(data)
        assert caught.value.code == "too_deep"


def places(value: object) -> list[tuple[Any, Any]]:
    """Every place in a JSON value where something stands."""
    pairs = list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    )
    return [place for key, inner in pairs for place in [(value, key), *places(inner)]]


@st.composite
def spoilt(draw: st.DrawFn) -> object:
    """The plan of a valid graph in which a few places hold something else."""
    data = deepcopy(draw(graphs()).to_json())
    anything = json_values | st.sampled_from([*WORDS, {"$item": []}, ref("n0"), [], {}, math.inf, 1 << 9999])
    for _ in range(draw(st.integers(1, 3))):
        # Aimed at the nodes: a spoilt frame ends the reading before anything else is looked at.
        holder, key = draw(st.sampled_from(places(data["nodes"])))
        if draw(st.booleans()) or isinstance(holder, list):
            holder[key] = deepcopy(draw(anything))
        elif draw(st.booleans()):
            holder[draw(st.sampled_from(WORDS))] = holder.pop(key)
        else:
            del holder[key]
    return data


@given(st.integers(0, 9), spoilt(), json_values)
def test_a_bad_plan_is_a_plan_error_and_nothing_else(dice: int, data: object, junk: object) -> None:
    data = data if dice else junk
    try:
        loaded = Plan.load(data, tools=["fetch"])
    except PlanError:
        return
    SCHEMA.validate(data)
    assert Plan.load(loaded.to_json()).to_json() == loaded.to_json()
    assert TaskGraph.from_json(data).to_json() == loaded.to_json()


@given(graphs())
def test_a_plan_that_is_recorded_is_the_one_that_is_read_back(graph: TaskGraph) -> None:
    """This process goes on with the plan that it has checked; every other one reads what was written."""
    made = Plan.load(graph.to_json())
    assert Plan.read(made.written()) is made
    read = Plan.read(json.loads(canonical(made.written())))
    assert read == made
    assert read.to_json() == made.to_json() == made.written()
