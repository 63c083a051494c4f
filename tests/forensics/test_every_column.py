"""Every column of every row that a job has is bound by its events: a change of any of them is found, and where."""

from __future__ import annotations

from itertools import product
from uuid import uuid4

import pytest
from django.db import IntegrityError
from django.db.models import Model

from jobs.models import Approval, Event, Job, Step
from ledger.models import Invocation
from tests.forensics.cast import CAST
from tests.forensics.tampering import another, columns_of, events_of, problem_of, put, taken_back, unguarded

pytestmark = pytest.mark.usefixtures("here")
FOUND_AS = {
    "job_id": "missing", "seq": "reordered", "tenant": "derived_row", "type": "changed_header", "node": "changed_header",
    "at": "bad_form", "body": "changed_body", "salt": "changed_body", "digest": "changed_body",
    "prev": "changed_header", "hash": "changed_header",
}  # fmt: skip
TOLD = [
    "refund_parked", "approved_and_paid", "mapped_with_a_failure", "in_doubt", "given_up_by_a_person",
    "recalled_from_another_job", "landed_but_not_storable", "a_workflow_at_an_approval", "not_begun",
    "retried_after_an_approval", "forked_and_parked",
]  # fmt: skip
# The database itself refuses that a step which does not run has a worker, and that two calls hold one business key.
REFUSED = {("refund_parked", "Step", "worker"), ("in_doubt", "Step", "worker"), ("not_begun", "Step", "worker"),
           ("forked_and_parked", "Step", "worker"),
           ("a_workflow_at_an_approval", "Step", "worker"), ("recalled_from_another_job", "Invocation", "holds")}  # fmt: skip


@pytest.mark.parametrize("name", ["approved_and_paid", "a_workflow_at_an_approval"])
def test_a_changed_column_of_an_event_is_found_at_that_event(name: str) -> None:
    job = CAST[name]()
    with unguarded():
        assert problem_of(job) is None
        last_of_each_kind = {each.type: each for each in events_of(job)}.values()
        for event, column in product(last_of_each_kind, columns_of(Event)):
            with taken_back():
                value = event.seq + 1000 if column == "seq" else another(event, column)
                put(event, **{column: value})
                assert problem_of(job) == (FOUND_AS[column], event.seq), (column, event.type)
        assert problem_of(job) is None


@pytest.mark.parametrize("name", TOLD)
def test_a_changed_column_of_a_derived_row_is_found(name: str) -> None:
    job = CAST[name]()
    kinds = {Job: "derived_row", Step: "derived_row", Approval: "derived_row", Invocation: "ledger_line"}
    with unguarded():
        for model, kind in kinds.items():
            key = "id" if model is Job else "job_id"
            rows = model._default_manager.filter(**{key: job})
            for row in {
                (getattr(each, "tool", ""), getattr(each, "state", "")): each for each in rows
            }.values():
                _every_column(name, job, row, kind)
        assert problem_of(job) is None


def _every_column(told: str, job: str, row: Model, kind: str) -> None:
    heads = {"head_seq": "missing", "head_hash": "forked_head"}
    for column in columns_of(type(row)):
        name, found = (type(row).__name__, column), None
        if (told, *name) in REFUSED:
            with pytest.raises(IntegrityError), taken_back():
                put(row, **{column: another(row, column)})
            continue
        with taken_back():
            put(row, **{column: another(row, column)})
            found = problem_of(job)
        assert found is not None, name
        assert found[0] == heads.get(column, kind), name


@pytest.mark.parametrize("model", [Step, Approval, Invocation])
def test_a_derived_row_that_is_missing_is_found(model: type[Model]) -> None:
    job = CAST["a_workflow_at_an_approval"]()
    with unguarded():
        for row in model._default_manager.filter(job_id=job):
            with taken_back():
                assert model._default_manager.filter(pk=row.pk).delete()[0] == 1
                found = problem_of(job)
                assert found is not None
                assert found[0] == ("ledger_line" if model is Invocation else "derived_row")


@pytest.mark.parametrize("model", [Step, Approval, Invocation])
def test_a_derived_row_that_is_added_is_found(model: type[Model]) -> None:
    job = CAST["a_workflow_at_an_approval"]()
    row = model._default_manager.filter(job_id=job).first()
    assert row is not None
    row.pk = None if model is Step else uuid4()
    row.node, row._state.adding = f"{row.node}0", True  # type: ignore[attr-defined]
    if isinstance(row, Invocation):
        row.idempotency_key = "0" * 64
    with unguarded():
        row.save(force_insert=True)
        found = problem_of(job)
        assert found is not None
        assert found[0] == ("ledger_line" if model is Invocation else "derived_row")
