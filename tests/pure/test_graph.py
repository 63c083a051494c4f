"""TaskGraph: what a planner writes is what the plan says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from jobs.core.graph import TaskGraph
from jobs.core.plan import Plan, PlanError
from jobs.core.schema import PLAN_SCHEMA
from ledger.retry import Retry
from tests.pure.graphs import graphs

SCHEMA = Draft202012Validator(PLAN_SCHEMA)


@dataclass(frozen=True)
class Registered:
    """Stands for a decorated function: all a graph wants of it is its name."""

    name: str


class Reason(BaseModel):
    """A form."""

    reason: str


def refund() -> TaskGraph:
    g = TaskGraph()
    order = g.tool("order", Registered("fetch_order"), order_id="A-1001")
    ask = g.approval(
        "manager",
        question="Refund?",
        show={"order": order},
        groups=["finance"],
        quorum=1,
        four_eyes=True,
        deadline="3d",
        on_timeout="reject",
        when=order["cents"] > 10_000,
    )
    pay = g.tool("pay", Registered("issue_refund"), order_id=order["id"], cents=order["cents"], after=[ask])
    g.output(pay)
    return g


def test_the_refund_graph_of_the_contract_becomes_a_plan() -> None:
    plan = Plan.load(refund().to_json(), tools=["fetch_order", "issue_refund"])
    pay, ask = plan.nodes["pay"], plan.nodes["manager"]
    assert list(plan.nodes) == ["order", "manager", "pay"]
    assert pay.spec["args"] == {"order_id": {"$ref": ["order", "id"]}, "cents": {"$ref": ["order", "cents"]}}
    assert pay.after == ("manager",)
    assert pay.needs == {"order"}
    assert pay.upstream == {"manager", "order"}
    assert ask.when == {"$op": "gt", "args": [{"$ref": ["order", "cents"]}, 10_000]}
    assert ask.spec["deadline"] == {"in": 259_200.0}
    assert plan.dependents == {"order": ("manager", "pay"), "manager": ("pay",), "pay": ()}
    assert plan.output == {"$ref": ["pay"]}


@given(graphs())
def test_every_graph_survives_the_way_through_json(graph: TaskGraph) -> None:
    written = graph.to_json()
    assert TaskGraph.from_json(json.loads(json.dumps(written))).to_json() == written
    assert Plan.load(written).to_json() == written


@given(graphs())
def test_every_graph_fits_the_published_schema(graph: TaskGraph) -> None:
    SCHEMA.validate(graph.to_json())


def test_the_published_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(PLAN_SCHEMA)


@given(graphs())
def test_a_graph_may_be_continued_after_it_was_read(graph: TaskGraph) -> None:
    again = TaskGraph.from_json(graph.to_json())
    first = again.node("n0")
    again.tool("more", "fetch", x=first, after=[first, "n0"])
    assert Plan.load(again.to_json()).nodes["more"].upstream == {"n0"}


def test_what_is_handed_out_is_not_what_is_kept() -> None:
    g = refund()
    g.to_json()["nodes"][0]["args"]["order_id"] = "other"  # type: ignore[index]
    assert g.to_json() == refund().to_json()


def test_a_branch_puts_a_gate_before_each_node_it_lists() -> None:
    g = TaskGraph()
    order = g.tool("order", "fetch")
    left, right = g.tool("left", "fetch"), g.tool("right", "fetch")
    g.branch("big", order["cents"] > 5, then=[left], otherwise=[right, "late"])
    g.branch("odd", order["odd"], then=[right])
    g.tool("late", "fetch")
    plan = Plan.load(g.to_json())
    assert plan.nodes["left"].gates == (("big", "then"),)
    assert plan.nodes["right"].gates == (("big", "otherwise"), ("odd", "then"))
    assert plan.nodes["late"].gates == (("big", "otherwise"),)
    assert plan.nodes["right"].upstream == {"big", "odd"}
    assert plan.dependents["big"] == ("left", "right", "late")


def test_the_item_of_a_map_is_read_in_each_and_further_keywords_join_it() -> None:
    g = TaskGraph()
    lines = g.tool("lines", "fetch")
    g.map("all", Registered("count"), over=lines["rows"], each={"a": g.item["x"]}, b=lines["n"], tolerate=2)
    spec = Plan.load(g.to_json()).nodes["all"].spec
    assert spec["each"] == {"a": {"$item": ["x"]}, "b": {"$ref": ["lines", "n"]}}
    assert (spec["tool"], spec["tolerate"], spec["concurrency"]) == ("count", 2, None)


def test_arguments_of_a_tool_may_be_called_id_and_tool() -> None:
    g = TaskGraph()
    g.tool("a", "fetch", id=1, tool=2, kind=3, name=4)
    assert Plan.load(g.to_json()).nodes["a"].spec["args"] == {"id": 1, "tool": 2, "kind": 3, "name": 4}


def test_options_are_normalised() -> None:
    g = TaskGraph()
    g.tool("a", "fetch", retry=Retry(max_attempts=7), timeout="2m", on_error="skip")
    g.tool("b", "fetch", retry={"max_attempts": 7}, after="a")
    a, b = Plan.load(g.to_json()).nodes.values()
    assert a.retry == b.retry == Retry(max_attempts=7).to_json()
    assert (a.timeout, a.on_error, b.timeout, b.on_error) == (120.0, "skip", None, "fail")
    assert b.after == ("a",)


def test_a_pydantic_form_is_kept_as_its_schema() -> None:
    g = TaskGraph()
    g.approval("ask", "Why?", users=["user-1"], form=Reason)
    g.llm("say", "scripted/a", [{"role": "user", "content": "hi"}], output=Reason, temperature=0.5)
    ask, say = Plan.load(g.to_json()).nodes.values()
    assert ask.spec["form"] == say.spec["output"] == Reason.model_json_schema()
    assert say.spec["params"] == {"temperature": 0.5}


def test_a_deadline_is_a_span_or_a_moment_in_utc() -> None:
    g = TaskGraph()
    g.wait("a", signal="go", deadline="1.5h")
    g.wait("b", signal="go", deadline="2030-01-31T12:00:00.25+02:00", on_timeout="continue")
    a, b = Plan.load(g.to_json()).nodes.values()
    assert a.spec["deadline"] == {"in": 5400.0}
    assert b.spec["deadline"] == {"at": "2030-01-31T10:00:00.250000Z"}


MISTAKES: list[tuple[str, str, Callable[[Any], object]]] = [
    ("bad_id", "a b", lambda g: g.tool("a b", "fetch")),
    ("reserved_id", "_plan", lambda g: g.tool("_plan", "fetch")),
    ("duplicate_id", "order", lambda g: g.tool("order", "fetch")),
    ("bad_tool", "x", lambda g: g.tool("x", len)),
    ("bad_tool", "x", lambda g: g.llm("x", "m", [], tools="fetch")),
    ("bad_workflow", "x", lambda g: g.workflow("x", g.node("order"))),
    ("bad_id", "x", lambda g: g.agent("x", "refund@", {})),
    ("bad_id", "x", lambda g: g.wait("x", signal="no way")),
    ("not_json", "x", lambda g: g.tool("x", "fetch", a={1, 2})),
    ("bad_condition", "x", lambda g: g.tool("x", "fetch", when="order.ok")),
    ("bad_condition", "x", lambda g: g.branch("x", 1)),
    ("bad_value", "x", lambda g: g.tool("x", "fetch", after=g.node("order")["id"])),
    ("bad_value", "x", lambda g: g.tool("x", "fetch", on_error="ignore")),
    ("bad_retry", "x", lambda g: g.tool("x", "fetch", retry={"max_attempts": 0})),
    ("bad_duration", "x", lambda g: g.tool("x", "fetch", timeout=0)),
    ("bad_duration", "x", lambda g: g.sleep("x", "3 days")),
    ("reference_not_allowed", "x", lambda g: g.sleep("x", g.node("order")["s"])),
    ("bad_deadline", "x", lambda g: g.wait("x", "go", deadline="2030-01-31T12:00:00")),
    ("unknown_field", "x", lambda g: g.wait("x", "go", patience=3)),
    ("nobody_may_answer", "x", lambda g: g.approval("x", "Sure?")),
    ("bad_quorum", "x", lambda g: g.approval("x", "Sure?", users=["user-1", "user-1"], quorum=2)),
    ("nobody_to_escalate_to", "x", lambda g: g.approval("x", "Sure?", groups=["a"], on_timeout="escalate")),
    ("bad_form", "x", lambda g: g.approval("x", "Sure?", groups=["a"], form=Reason(reason="r"))),
    ("bad_value", "x", lambda g: g.approval("x", "Sure?", groups="finance")),
    ("bad_value", "x", lambda g: g.map("x", "fetch", over=3)),
    ("bad_value", "x", lambda g: g.map("x", "fetch", over=[1], each={"a": 1}, a=2)),
    ("bad_value", "x", lambda g: g.map("x", "fetch", over=[1], concurrency=0)),
    ("item_outside_map", "x", lambda g: g.tool("x", "fetch", a=g.item)),
    ("item_outside_map", "x", lambda g: g.map("x", "fetch", over=g.item)),
    ("both_sides", "x", lambda g: g.branch("x", True, then=["order"], otherwise=["order"])),
    ("unknown_node", "x", lambda g: g.node("x")),
    ("second_output", "", lambda g: (g.output(1), g.output(2))),
    ("not_json", "", lambda g: g.output({1})),
]


@pytest.mark.parametrize(("code", "node", "mistake"), MISTAKES)
def test_a_mistake_is_refused_where_it_is_written(
    code: str, node: str, mistake: Callable[[Any], object]
) -> None:
    g = TaskGraph()
    g.tool("order", "fetch")
    with pytest.raises(PlanError) as caught:
        mistake(g)
    assert caught.value.code == code
    assert node in (caught.value.node, "a b")
    assert node in str(caught.value)
