"""Arguments are checked against the type hints before anything is promised."""

from __future__ import annotations

import datetime
import enum
import uuid
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field, PlainSerializer, SecretStr

from ledger.outcomes import ToolCall
from ledger.schema import Arguments, BadArguments, BadSignature, bind, validate_args
from ledger.tools import Tool


class Colour(enum.Enum):
    RED = "red"


class Money(BaseModel):
    cents: int
    currency: str = "EUR"


@dataclass
class Address:
    street: str


def pay(order_id: str, cents: int, call: ToolCall, urgent: bool = False, note: str = None) -> None: ...  # type: ignore[assignment]


PAY = Tool(name="pay", fn=pay)


def rich(
    when: datetime.datetime, colour: Colour, money: Money, to: Address, rate: float, ids: list[uuid.UUID]
) -> None: ...


RICH = Arguments.of(rich)
RICH_JSON = {
    "when": "2026-01-02T03:04:05Z",
    "colour": "red",
    "money": {"cents": 5},
    "to": {"street": "High St"},
    "rate": 1,
    "ids": ["00000000-0000-0000-0000-000000000001"],
}


def test_defaults_are_filled_in_and_the_call_is_no_argument() -> None:
    assert validate_args(PAY, {"order_id": "A", "cents": 3}) == {
        "order_id": "A", "cents": 3, "urgent": False, "note": None,
    }  # fmt: skip
    assert set(PAY.schema["properties"]) == {"order_id", "cents", "urgent", "note"}
    assert PAY.schema["required"] == ["order_id", "cents"]


@pytest.mark.parametrize(
    ("args", "loc", "said"),
    [
        ({"order_id": "A", "cents": "3"}, ["cents"], "valid integer"),
        ({"order_id": "A", "cents": 3.0}, ["cents"], "valid integer"),
        ({"order_id": "A", "cents": True}, ["cents"], "valid integer"),
        ({"order_id": 1, "cents": 3}, ["order_id"], "valid string"),
        ({"order_id": "A", "cents": 3, "urgent": 1}, ["urgent"], "valid boolean"),
        ({"order_id": "A"}, ["cents"], "required"),
        ({"order_id": "A", "cents": 3, "sum": 4}, ["sum"], "not permitted"),
        ({"order_id": "A", "cents": 3, "call": {}}, ["call"], "runtime fills this in"),
        ({"order_id": "A", "cents": 3, "note": {1, 2}}, ["note"], "no JSON form"),
        ({"order_id": "A", "cents": float("nan")}, ["cents"], "no JSON number"),
        ({"order_id": "A", "cents": 3, "note": {1: 2}}, ["note"], "text keys only"),
        ({"order_id": "\ud800", "cents": 3}, [], ""),
    ],
)
def test_an_ill_typed_argument_is_refused_by_tool_and_name(
    args: dict[str, Any], loc: list[str], said: str
) -> None:
    with pytest.raises(BadArguments, match="tool 'pay' refused its arguments") as caught:
        validate_args(PAY, args)
    assert caught.value.errors[0]["loc"] == loc
    assert said in caught.value.errors[0]["msg"]
    assert caught.value.code == "bad_arguments"


def test_arguments_that_are_no_object_are_refused() -> None:
    with pytest.raises(BadArguments, match="must be a JSON object, not list"):
        validate_args(PAY, [1])  # type: ignore[arg-type]


def test_json_arguments_become_what_the_function_expects() -> None:
    bound = RICH.bind(RICH.validate(RICH_JSON))
    assert bound["when"] == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert bound["colour"] is Colour.RED
    assert bound["money"] == Money(cents=5)
    assert bound["to"] == Address("High St")
    assert isinstance(bound["rate"], float)
    assert bound["ids"] == [uuid.UUID(int=1)]


def test_python_values_and_their_json_are_written_alike() -> None:
    python = {
        "when": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        "colour": Colour.RED,
        "money": Money(cents=5),
        "to": Address("High St"),
        "rate": 1.0,
        "ids": [uuid.UUID(int=1)],
    }
    assert RICH.validate(python) == RICH.validate(RICH_JSON)
    assert RICH.validate(RICH.validate(python)) == RICH.validate(python)


def test_a_wrong_value_deep_inside_is_named_by_its_path() -> None:
    with pytest.raises(BadArguments, match=r"money\.cents: Input should be a valid integer"):
        RICH.validate(RICH_JSON | {"money": {"cents": "5"}})


def test_a_parameter_without_hint_takes_any_json() -> None:
    def loose(value, other=7): ...  # type: ignore[no-untyped-def]

    arguments = Arguments.of(loose)
    assert arguments.validate({"value": {"deep": [1, None, "x", 1.5]}}) == {
        "value": {"deep": [1, None, "x", 1.5]}, "other": 7,
    }  # fmt: skip


def test_a_goal_hinted_as_plain_dict_is_any_object_and_only_that() -> None:
    def planner(ctx, goal: dict) -> None: ...  # type: ignore[no-untyped-def, type-arg]

    arguments = Arguments.of(planner, skip=("ctx",), what="agent 'refund'")
    assert arguments.validate({"goal": {"order_id": "A-1"}}) == {"goal": {"order_id": "A-1"}}
    with pytest.raises(BadArguments, match="agent 'refund'.*goal"):
        arguments.validate({"goal": ["A-1"]})


def test_named_rest_arguments_are_taken_by_their_hint() -> None:
    def tagged(name: str, **tags: int) -> None: ...

    arguments = Arguments.of(tagged)
    assert arguments.validate({"name": "n", "a": 1, "p0": 2}) == {"name": "n", "a": 1, "p0": 2}
    assert arguments.bind({"name": "n", "a": 1}) == {"name": "n", "a": 1}
    with pytest.raises(BadArguments, match="a: Input should be a valid integer"):
        arguments.validate({"name": "n", "a": "1"})


def test_names_that_mean_something_to_the_validator_are_ordinary_here() -> None:
    def odd(_hidden: int, schema: str, model_dump: str, json: int = 1) -> None: ...

    arguments = Arguments.of(odd)
    args = {"_hidden": 1, "schema": "s", "model_dump": "d", "json": 2}
    assert arguments.validate(args) == args
    assert arguments.bind(args) == args


def test_the_schema_agrees_with_the_validator_and_has_constraints() -> None:
    def limited(cents: Annotated[int, Field(gt=0)], mode: Literal["a", "b"] = "a") -> None: ...

    arguments = Arguments.of(limited)
    jsonschema.validate({"cents": 1}, arguments.schema)
    for bad in ({"cents": 0}, {"cents": 1, "mode": "c"}, {"cents": 1, "x": 1}, {}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, arguments.schema)
        with pytest.raises(BadArguments):
            arguments.validate(bad)


def test_a_default_is_not_shared_between_calls() -> None:
    def gather(into: list[int] = []) -> None: ...  # noqa: B006

    arguments = Arguments.of(gather)
    arguments.bind({})["into"].append(1)
    assert arguments.bind({}) == {"into": []}


def test_a_value_whose_written_form_cannot_be_read_again_is_refused_before_the_promise() -> None:
    def price(cents: Annotated[int, PlainSerializer(lambda cents: f"{cents} cents")]) -> None: ...

    with pytest.raises(BadArguments, match="cents: Input should be a valid integer"):
        Arguments.of(price).validate({"cents": 3})


class NoJson:
    pass


def _unreadable(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def _foreign(a: int, conn: NoJson) -> None: ...
def _ill_default(cents: int = "3") -> None: ...  # type: ignore[assignment]
def _object_default(cents: Any = object()) -> None: ...  # noqa: B008
def _secret(key: SecretStr) -> None: ...
def _field_default(cents: int = Field(default=1)) -> None: ...


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (_unreadable, "Nowhere.*module level"),
        (_foreign, "'conn' has no JSON form"),
        (_ill_default, "default of 'cents'"),
        (_object_default, "default of 'cents'"),
        (_secret, "secret"),
        (_field_default, "inside Annotated"),
    ],
)
def test_a_signature_that_json_cannot_fill_is_refused_by_name(fn: Any, said: str) -> None:
    with pytest.raises(BadSignature, match=f"(?s)tool 'x': .*{said}"):
        Arguments.of(fn, what="tool 'x'")


def test_binding_stale_arguments_says_so_and_calls_nothing() -> None:
    with pytest.raises(BadArguments, match="cents"):
        bind(PAY, {"order_id": "A", "cents": "3"})
