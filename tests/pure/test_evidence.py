"""What the evidence graph is made with: values that are known again, names in plans, walks, the picture, references."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.evidence import BACK, FORWARD, matching, named, reached
from forensics.evidence.drawing import MOST, svg
from forensics.evidence.references import in_results, references_in
from forensics.standalone import names_of, spots

KINDS = ("person", "document", "model", "tool", "model_call", "vote", "question", "output", "unheard of")
HOWS = ("declared", "observed", "order")


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> dict[str, Any]:
    """Graphs without a circle, with any text in them."""
    count = draw(st.integers(1, most))
    nodes = [
        {"id": f"n{number}", "kind": draw(st.sampled_from(KINDS)), "seq": number, "at": "2026-01-05T09:00:00.000000Z",
         "tool": draw(st.text(max_size=40)), "effect": draw(st.sampled_from(["pure", "at_most_once"]))}
        for number in range(count)
    ]  # fmt: skip
    pairs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30))
    edges = [
        {"from": f"n{max(pair)}", "to": f"n{min(pair)}", "kind": draw(st.sampled_from(["used", "planned"])),
         "how": draw(st.sampled_from(HOWS)), "seq": 1, "via": draw(st.text(max_size=20))}
        for pair in sorted(set(pairs)) if pair[0] != pair[1]
    ]  # fmt: skip
    return {"job": "j", "agent": "a", "version": "1", "nodes": nodes, "edges": edges, "complete": True}


@given(graphs())
def test_a_walk_there_is_a_walk_back(graph: dict[str, Any]) -> None:
    for start in (each["id"] for each in graph["nodes"]):
        causes = reached(graph, [start], BACK)
        assert causes[start].distance == 0
        for cause, way in causes.items():
            there = reached(graph, [cause], FORWARD)[start]
            assert (there.distance, there.how) == (way.distance, way.how)


@given(graphs())
def test_without_weaker_edges_only_what_is_declared_is_reached(graph: dict[str, Any]) -> None:
    start = graph["nodes"][-1]["id"]
    declared = {**graph, "edges": [each for each in graph["edges"] if each["how"] == "declared"]}
    strong = {id for id, way in reached(graph, [start], BACK).items() if way.how == "declared"}
    assert strong == set(reached(declared, [start], BACK))


@given(graphs())
def test_the_picture_is_well_formed_and_the_same_whatever_stands_in_it(graph: dict[str, Any]) -> None:
    text = svg(graph)
    assert text == svg(graph)
    root = ElementTree.fromstring(text)  # noqa: S314 - made by ourselves
    boxes = [each for each in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(boxes) == len(graph["nodes"]) + 1
    assert len({(each.get("x"), each.get("y")) for each in boxes[1:]}) == len(graph["nodes"])


def test_a_picture_of_very_many_nodes_says_that_boxes_stand_for_many() -> None:
    nodes = [
        {"id": f"step/{n}", "kind": "tool", "tool": f"t{n % 3}", "seq": n, "at": "", "effect": "pure"}
        for n in range(MOST + 1)
    ]
    edges = [
        {"from": f"step/{n + 1}", "to": f"step/{n}", "kind": "used", "how": "declared", "seq": n, "via": ""}
        for n in range(MOST)
    ]
    text = svg({"job": "j", "agent": "a", "version": "1", "nodes": nodes, "edges": edges, "complete": True})
    assert f"{MOST + 1} nodes, drawn as one box for each kind and tool" in text
    assert text.count("<rect") == 4
    assert "tool × 101" in text


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ({"id": "A-1001"}, True), ({"note": "order A-1001 was late"}, True), ({"word": "pending"}, False),
        ({"n": 1001}, False), ({"code": "A-1"}, False), ({"text": "a whole sentence"}, True), ({"flag": True}, False),
        ({"mail": "[email hash " + "a" * 64 + "]"}, True), ({"mail": "[email mask]"}, False),
        ({"mail": "written to [email mask] twice"}, False), ({"key": "[withheld encrypt " + "A" * 40 + "]"}, False),
    ],
)  # fmt: skip
def test_what_is_long_enough_to_be_known_again(value: Any, known: bool) -> None:
    assert bool(list(spots(value))) is known


def test_an_id_is_found_in_a_text_that_speaks_of_it() -> None:
    assert set(spots({"id": "A-1001"})) & set(spots({"prompt": "What of order A-1001?"})) == {"A-1001"}


def test_what_a_step_of_a_plan_names_and_where() -> None:
    node = {
        "id": "pay", "kind": "tool", "tool": "pay", "after": ["ask"], "gates": [{"branch": "fork", "side": "then"}],
        "args": {"cents": {"$ref": ["order", "cents"]}, "note": {"$lit": {"$ref": ["nothing"]}},
                 "to": {"$default": [{"$ref": ["found", "iban"]}, {"$op": "eq", "args": [{"$error": ["look"]}, 1]}]}},
        "when": {"$op": "and", "args": [{"$state": ["ask", "approved"]}, True]},
    }  # fmt: skip
    assert names_of(node) == {
        ("used", "order"): "cents = order.cents", ("used", "found"): "to = found.iban", ("used", "look"): "to = look",
        ("condition", "ask"): "when = ask.approved", ("after", "ask"): "", ("condition", "fork"): "branch then",
    }  # fmt: skip


def test_what_may_be_a_reference_of_a_result() -> None:
    assert references_in({"id": "PAY-1", "n": 7, "text": "two words 1", "name": "Ann", "in": ["R2D2"]}) == [
        "PAY-1",
        "R2D2",
    ]
    event = {"type": "tool_invocation_finished", "body": {"result": {"id": "x"}}}
    assert in_results(event, "x")
    assert not in_results({**event, "body": None}, "x")
    assert not in_results({**event, "type": "command_emitted"}, "x")


def test_a_word_means_a_node_by_what_one_has_in_hand() -> None:
    nodes = [
        {"id": "step/pay", "kind": "tool", "invocation": "i", "key": "k", "business_key": "refund:1", "step": "pay"},
        {"id": "document/d#1", "kind": "document", "document": "d", "digest": "1"},
        {"id": "person/user/7", "kind": "person", "name": "ann"},
        {"id": "model/p/m", "kind": "model", "name": "m"}, {"id": "step/ask", "kind": "model_call", "asked": "m-latest"},
    ]  # fmt: skip
    graph = {"nodes": nodes, "edges": []}
    for word in ("i", "k", "refund:1", "pay", "step/pay"):
        assert matching(graph, word) == ["step/pay"]
    assert matching(graph, "nothing") == []
    for kind, word, id in (("document", "d", "document/d#1"), ("person", "7", "person/user/7"), ("person", "ann", "person/user/7"),
                           ("model", "p/m", "model/p/m"), ("model", "m-latest", "step/ask")):  # fmt: skip
        assert named(graph, kind, word) == [id]
