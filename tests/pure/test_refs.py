"""References: what stands in Python means the same in JSON, and what cannot be meant is refused."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.names import PlanError
from jobs.core.refs import (
    BadReference,
    Missing,
    NodeRef,
    Ref,
    data_refs,
    encode,
    evaluate,
    item_ref,
    soft_refs,
    state_refs,
)
from tests.pure.graphs import Facts, json_values

ORDER = NodeRef("order")
DATA = {"n": 3, "f": 2.5, "s": "b", "b": True, "none": None, "l": [1, "b", None], "o": {"k": [0, 7]}}

paths = st.sampled_from(
    [["n"], ["f"], ["s"], ["b"], ["none"], ["l"], ["l", 0], ["l", -2], ["o", "k", 1], ["o"]]
)
literals = (
    st.none()
    | st.booleans()
    | st.integers(-4, 4)
    | st.sampled_from(["a", "b", "c"])
    | st.just([1, "b", None])
)
comparisons = st.sampled_from(["eq", "ne", "lt", "le", "gt", "ge"])

leaves = (
    st.tuples(st.just("truth"), paths, st.none())
    | st.tuples(comparisons, paths, st.tuples(st.just("lit"), literals))
    | st.tuples(comparisons, paths, st.tuples(st.just("data"), paths))
    | st.tuples(st.just("in"), paths, st.lists(literals, max_size=3))
)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.tuples(st.sampled_from(["and", "or"]), inner, inner) | st.tuples(st.just("not"), inner, st.none())
    ),
    max_leaves=6,
)


def follow(root: object, path: list[str | int]) -> object:
    """Go down a path by [] as Python does: the same for data and for references."""
    for step in path:
        root = root[step]  # type: ignore[index]
    return root


def as_reference(tree: tuple[str, object, object]) -> Ref:
    """Write a tree as a planner writes it."""
    name, left, right = tree
    if name == "not":
        return ~as_reference(left)  # type: ignore[arg-type]
    if name in ("and", "or"):
        join: Callable[[Ref, Ref], Ref] = operator.and_ if name == "and" else operator.or_
        return join(as_reference(left), as_reference(right))  # type: ignore[arg-type]
    value = follow(ORDER, left)  # type: ignore[arg-type]
    assert isinstance(value, Ref)
    if name in ("truth", "in"):
        return value if name == "truth" else value.in_(right)  # type: ignore[arg-type]
    kind, other = right  # type: ignore[misc]
    return getattr(operator, name)(value, follow(ORDER, other) if kind == "data" else other)  # type: ignore[has-type]


def as_python(tree: tuple[str, object, object]) -> object:
    """The same tree over values that are known."""
    name, left, right = tree
    if name == "not":
        return not as_python(left)  # type: ignore[arg-type]
    if name == "and":
        return bool(as_python(left) and as_python(right))  # type: ignore[arg-type]
    if name == "or":
        return bool(as_python(left) or as_python(right))  # type: ignore[arg-type]
    value = follow(DATA, left)  # type: ignore[arg-type]
    if name in ("truth", "in"):
        return value if name == "truth" else value in right  # type: ignore[operator]
    kind, other = right  # type: ignore[misc]
    return getattr(operator, name)(value, follow(DATA, other) if kind == "data" else other)  # type: ignore[has-type]


@given(trees)
def test_a_condition_means_what_it_means_in_python(tree: tuple[str, object, object]) -> None:
    expr = json.loads(json.dumps(encode(as_reference(tree))))
    try:
        expected = as_python(tree)
    except TypeError:
        with pytest.raises(BadReference):
            evaluate(expr, Facts({"order": DATA}))
    else:
        assert evaluate(expr, Facts({"order": DATA})) == expected


@given(json_values)
def test_a_literal_comes_back_as_it_went_in_even_if_it_looks_like_an_expression(value: object) -> None:
    expr = json.loads(json.dumps(encode(value)))
    assert evaluate(expr, Facts()) == value
    assert not data_refs(expr) | soft_refs(expr) | state_refs(expr)


def test_references_may_stand_anywhere_inside_a_value() -> None:
    facts = Facts({"order": DATA}, item={"x": 5})
    value = {"a": [ORDER["n"], {"b": item_ref()["x"]}], "c": (1, None)}
    assert evaluate(encode(value), facts) == {"a": [3, {"b": 5}], "c": [1, None]}


def test_the_value_of_a_literal_is_a_copy() -> None:
    expr = encode({"list": [1], "odd": {"$x": [2]}})
    value = evaluate(expr, Facts())
    value["list"].append(9)  # type: ignore[index]
    value["odd"]["$x"].append(9)  # type: ignore[index]
    assert evaluate(expr, Facts()) == {"list": [1], "odd": {"$x": [2]}}


def test_subclasses_of_json_types_lose_their_class() -> None:
    class Size(IntEnum):
        BIG = 3

    class Label(str):
        pass

    done = encode({Label("k"): [Size.BIG, Label("x")]})
    assert done == {"k": [3, "x"]}
    assert [type(each) for each in done["k"]] == [int, str]


def test_long_chains_of_conditions_stay_flat() -> None:
    some = ORDER["n"] == 0
    for number in range(1, 500):
        some = some | (ORDER["n"] == number)
    assert evaluate(encode(some), Facts({"order": {"n": 499}})) is True
    assert evaluate(encode(some), Facts({"order": {"n": 500}})) is False


def test_and_and_or_leave_out_what_does_not_matter() -> None:
    facts = Facts({"order": {"n": None}})
    assert evaluate(encode((ORDER["n"] == 1) & (ORDER["n"] > 5)), facts) is False
    assert evaluate(encode((ORDER["n"] == None) | (ORDER["n"] > 5)), facts) is True  # noqa: E711


def test_values_may_stand_on_the_left() -> None:
    facts = Facts({"order": {"n": 3}})
    assert evaluate(encode(2 < ORDER["n"]), facts) is True
    assert evaluate(encode(False | (ORDER["n"] == 3)), facts) is True
    assert evaluate(encode(False & (ORDER["n"] == 3)), facts) is False


def test_a_default_stands_in_for_a_result_that_is_missing() -> None:
    expr = encode(ORDER["n"].or_(NodeRef("other")["m"].or_(7)))
    assert evaluate(expr, Facts({"order": {"n": 1}})) == 1
    assert evaluate(expr, Facts({"other": {"m": 2}})) == 2
    assert evaluate(expr, Facts()) == 7


def test_a_default_stands_in_where_the_path_leads_into_a_null_but_not_for_a_wrong_key() -> None:
    expr = encode(ORDER["discount"]["percent"].or_(0))
    assert evaluate(expr, Facts({"order": {"discount": None}})) == 0
    with pytest.raises(BadReference, match="discount"):
        evaluate(expr, Facts({"order": {}}))


def test_a_missing_result_is_named() -> None:
    with pytest.raises(Missing, match="'order'") as caught:
        evaluate(encode([ORDER["n"]]), Facts())
    assert caught.value.node == "order"


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        (ORDER["x"], "an object with the keys 'n', 's'"),
        (ORDER["n"]["x"], "order['n'] in the result of node 'order' is a number"),
        (ORDER["s"][0], "is text"),
        (ORDER["l"][3], "is a list of 1"),
        (ORDER["l"]["0"], "is a list of 1"),
        (item_ref()["x"], "the item of the map is null"),
    ],
)
def test_a_path_that_leads_nowhere_says_what_was_there_and_shows_no_data(ref: Ref, words: str) -> None:
    facts = Facts({"order": {"n": 1, "s": "secret", "l": ["secret"]}})
    with pytest.raises(BadReference) as caught:
        evaluate(encode(ref), facts)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)


def test_unlike_types_are_not_put_in_order() -> None:
    with pytest.raises(BadReference, match=r"order\['n'\] > 'x'.*a number and text") as caught:
        evaluate(encode(ORDER["n"] > "x"), Facts({"order": {"n": 1}}))
    assert caught.value.node == "order"


def test_states_and_errors_are_read_from_the_node() -> None:
    facts = Facts(states={("order", "failed")}, errors={"order": {"message": "no"}})
    assert evaluate(encode([ORDER.failed, ORDER.skipped]), facts) == [True, False]
    assert evaluate(encode(ORDER.error["message"]), facts) == "no"
    assert evaluate(encode(ORDER.error["message"]), Facts()) is None


def test_what_an_expression_names_is_told_apart() -> None:
    hard, soft, both = NodeRef("hard"), NodeRef("soft"), NodeRef("both")
    expr = encode(
        [hard["x"] > 1, soft.or_(NodeRef("reserve")), both, both["x"].or_(0), ORDER.failed, ORDER.error]
    )
    assert data_refs(expr) == {"hard", "both"}
    assert soft_refs(expr) == {"soft", "reserve"}
    assert state_refs(expr) == {"order"}


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda ref: bool(ref), "when="),
        (lambda ref: ref and True, "& | ~"),
        (lambda ref: not ref, "& | ~"),
        (lambda ref: 1 < ref < 3, "& | ~"),
        (lambda ref: ref in [1, 2], ".in_"),
        (lambda ref: 1 in ref, ".in_"),
        (lambda ref: list(ref), "g.map"),
        (lambda ref: len(ref), "tool that counts"),
        (lambda ref: {ref}, ".id"),
        (lambda ref: f"{ref}", "the reference itself"),
        (lambda ref: str(ref), "the reference itself"),
        (lambda ref: ref + 1, "compute in a tool"),
        (lambda ref: int(ref), "compute in a tool"),
        (lambda ref: ref[1:2], "a position"),
        (lambda ref: ref[ref], "a position"),
        (lambda ref: (ref == 1)["x"], "before comparing"),
        (lambda ref: ref.or_(1)["x"], "before comparing"),
        (lambda ref: ref.in_("abc"), "takes a list"),
    ],
)
def test_what_needs_the_value_now_says_what_to_write_instead(
    attempt: Callable[[Ref], object], words: str
) -> None:
    with pytest.raises(TypeError) as caught:
        attempt(ORDER["n"])
    assert words in str(caught.value)


def test_an_unknown_attribute_says_to_use_brackets() -> None:
    with pytest.raises(AttributeError, match=r'write \["cents"\]'):
        _ = ORDER.cents
    with pytest.raises(AttributeError, match="only a node itself has .approved"):
        _ = ORDER["n"].approved


@pytest.mark.parametrize("value", [{1, 2}, date(2030, 1, 1), Decimal(1), b"x", object(), {1: 2}])
def test_what_is_not_json_is_refused_by_its_type(value: object) -> None:
    kind = "int" if isinstance(value, dict) else type(value).__name__
    with pytest.raises(TypeError, match=f"type {kind} is not JSON"):
        encode([value])


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1 << 5000])
def test_numbers_that_json_cannot_carry_are_refused(value: float) -> None:
    with pytest.raises(PlanError) as caught:
        encode({"x": value})
    assert caught.value.code == "bad_number"


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    with pytest.raises(PlanError) as caught:
        encode(ring)
    assert caught.value.code == "too_deep"


def test_a_reference_inside_an_object_that_is_taken_literally_is_refused() -> None:
    with pytest.raises(TypeError, match="taken literally"):
        encode({"$x": [ORDER]})
