"""Approvals that ask for more than yes or no: their schema as fields, and what the answer becomes."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel, Field

from jobs.admin import fields
from jobs.admin.forms import Decision
from jobs.models import Approval
from tests.faces import admin_stage as stage

APPROVALS = "/admin/aetheris_jobs/approval/"
BASE = {"decision": "approve", "digest": "d" * 64, "comment": ""}


class Way(Enum):
    BANK = "bank"
    CARD = "card"


class Answer(BaseModel):
    """What an approver fills in."""

    note: str = Field(min_length=1, max_length=20)
    cents: int = Field(ge=1, le=500)
    rate: float = 0.5
    urgent: bool = False
    way: Way
    until: int | None = None


SCHEMA = Answer.model_json_schema()
FILLED = {
    "form.note": " a ", "form.cents": "7", "form.rate": "0.25", "form.urgent": "on", "form.way": '"card"', "form.until": "",
}  # fmt: skip


def test_each_member_of_a_flat_schema_becomes_a_field_of_its_kind() -> None:
    made = fields.of_schema(SCHEMA)
    assert made is not None
    kinds = {name: type(field).__name__ for name, field in made.items()}
    assert kinds == {
        "form.note": "CharField", "form.cents": "IntegerField", "form.rate": "FloatField",
        "form.urgent": "BooleanField", "form.way": "TypedChoiceField", "form.until": "IntegerField",
    }  # fmt: skip


def test_the_answer_has_the_types_of_the_schema() -> None:
    form = Decision(SCHEMA, {**BASE, **FILLED})
    assert form.is_valid(), form.errors
    assert form.filled() == {"note": " a ", "cents": 7, "rate": 0.25, "urgent": True, "way": "card"}
    Answer.model_validate(form.filled())


def test_a_value_outside_the_schema_is_told_at_its_field() -> None:
    form = Decision(SCHEMA, {**BASE, **FILLED, "form.cents": "501", "form.way": '"cash"'})
    assert not form.is_valid()
    assert set(form.errors) == {"form.cents", "form.way"}


def test_a_rejection_needs_no_filled_form() -> None:
    form = Decision(SCHEMA, {**BASE, "decision": "reject"})
    assert form.is_valid(), form.errors
    assert form.filled() is None


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}},
        {"type": "array"},
        {"type": "object", "properties": {}},
    ],
)
def test_a_schema_that_is_not_flat_is_asked_as_json(schema: dict[str, Any]) -> None:
    form = Decision(schema, {**BASE, "form": '{"a": [1]}'})
    assert form.is_valid(), form.errors
    assert form.filled() == {"a": [1]}


def test_an_enumeration_of_numbers_and_null_keeps_its_types() -> None:
    schema = {"type": "object", "properties": {"n": {"enum": [1, 2.5, "1", None]}}, "required": ["n"]}
    for value in (1, 2.5, "1", None):
        form = Decision(schema, {**BASE, "form.n": json.dumps(value)})
        assert form.is_valid(), form.errors
        assert form.filled() == {"n": value}


def test_a_member_named_like_a_field_of_ours_does_not_collide() -> None:
    schema = {"type": "object", "properties": {"comment": {"type": "string"}}, "required": ["comment"]}
    form = Decision(schema, {**BASE, "comment": "mine", "form.comment": "theirs"})
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["comment"], form.filled()) == ("mine", {"comment": "theirs"})


@pytest.mark.usefixtures("engine_db")
def test_the_form_goes_with_the_decision() -> None:
    job = stage.job(stage.asking(form=SCHEMA), stage.paying())
    approval = Approval.objects.get(pk=stage.approval_of(job))
    browser = stage.browser(stage.person(group="finance"))
    page, url = f"{APPROVALS}{approval.pk}/change/", f"{APPROVALS}{approval.pk}/decide/"
    told = {**BASE, **FILLED, "digest": approval.digest}
    wrong = stage.post(browser, url, {**told, "form.cents": "x"}, page=page).content.decode()
    assert "Enter a whole number." in wrong
    assert "Your decision is recorded" in stage.post(browser, url, told, page=page).content.decode()
    approval.refresh_from_db()
    assert json.loads(approval.votes)[0]["form"]["cents"] == 7
