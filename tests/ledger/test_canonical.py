"""What is stored has one written form, or a problem that says why not."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ledger.canonical import canonical, digest, storable

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_values_are_stored_as_ascii_text_that_reads_back_the_same(value: Any) -> None:
    text, problem = storable(value)
    assert problem is None
    assert text is not None
    assert text.isascii()
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


class Model(BaseModel):
    at: datetime.date


@dataclasses.dataclass
class Line:
    model: Model
    amount: decimal.Decimal


def test_models_and_dataclasses_are_written_as_their_fields() -> None:
    text, _ = storable([Line(Model(at=datetime.date(2026, 1, 2)), decimal.Decimal("1.50"))])
    assert text == '[{"amount":"1.50","model":{"at":"2026-01-02"}}]'


def test_keys_are_sorted_and_digests_do_not_depend_on_their_order() -> None:
    assert canonical({"b": 1, "a": "\u00e9"}) == '{"a":"\\u00e9","b":1}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class BrokenModel:
    def model_dump(self, mode: str) -> object:
        raise KeyError("gone")


def _endless() -> list[Any]:
    loop: list[Any] = []
    loop.append(loop)
    return loop


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        ({1, 2}, "set", "set has no JSON form"),
        (b"x", "bytes", "bytes has no JSON form"),
        ({"a": [math.inf]}, "dict", r"$.a[0]: inf is no JSON number"),
        ({1: 2}, "dict", "text keys only"),
        (object(), "object", "object has no JSON form"),
        (Broken(), f"{__name__}.Broken", "Broken has no JSON form"),
        (BrokenModel(), f"{__name__}.BrokenModel", "gone"),
        (_endless(), "list", "contains itself"),
        pytest.param(10**5000, "int", "digits", id="a number too long to write"),
        (Model, "pydantic._internal._model_construction.ModelMetaclass", "has no JSON form"),
    ],
)
def test_a_result_that_cannot_be_stored_is_described_and_never_raises(
    value: Any, kind: str, reason: str
) -> None:
    text, problem = storable(value)
    assert text is None
    assert problem is not None
    assert (problem["type"], problem["of"]) == (kind, "repr")
    assert reason in problem["reason"]
    assert len(problem["digest"]) == 64
    assert problem["size"] > 0
    canonical(problem)


def test_a_result_beyond_the_limit_keeps_size_and_digest_of_its_text() -> None:
    text, problem = storable("x" * 98, limit_bytes=100)
    assert (text, problem) == (f'"{"x" * 98}"', None)
    text, problem = storable("x" * 99, limit_bytes=100)
    assert text is None
    assert problem is not None
    assert (problem["type"], problem["size"], problem["of"]) == ("str", 101, "json")
    assert problem["digest"] == digest("x" * 99)
