"""Jobs of every shape, changed in every column of every row, row by row, and along their streams: all of it is found.

Hundreds of changes, made from the tables themselves: a new column is tried as soon as it is there, or must be listed with
a reason.
"""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.apps import apps
from django.db import DatabaseError

from forensics.inspection import unbound
from forensics.services import verify_job
from jobs.models import Event, Job
from tests.forensics.cast import CAST
from tests.forensics.row_changes import KINDS, Change, changes_of
from tests.forensics.tampering import taken_back, unguarded

pytestmark = pytest.mark.usefixtures("here")
# Tables whose columns are tried elsewhere: parts that stand outside their event, and agent instances.
TRIED_ELSEWHERE = {
    "aetheris_jobs_blob", "aetheris_jobs_agent",
    "aetheris_jobs_hold", "aetheris_jobs_hold_release", "aetheris_jobs_tombstone",  # test_gone.py
}  # fmt: skip
LEAST = 60  # changes of one job that the database takes


@pytest.mark.parametrize("name", CAST)
def test_every_change_of_a_job_is_found_as_what_it_is_and_where_it_is(name: str) -> None:
    CAST["approved_and_paid"]()  # another job, whose rows and values are put into this one's
    job, tried = CAST[name](), 0
    with unguarded():
        for change in list(changes_of(job)):
            tried += _found(job, change)
        assert verify_job(job)["problem"] is None
    assert tried > LEAST


def _found(job: str, change: Change) -> bool:
    """Whether the database took the change; if it did, it must be found."""
    found = None
    try:
        with taken_back():
            change.make()
            found = verify_job(job)["problem"]
    except DatabaseError:  # a constraint refuses it
        return False
    assert found is not None, change.name
    assert found["kind"] in change.kinds, (change.name, found)
    assert change.seq in (None, found["seq"]), (change.name, found)
    assert change.table in ("", found["table"]), (change.name, found)
    assert not change.column or found["column"] in ("", change.column), (change.name, found)
    return True


def test_a_job_row_under_another_name_has_nothing_and_what_was_its_own_is_an_orphan() -> None:
    from forensics import inspection
    from tests.forensics.verifying import ANN, found_by

    job, other = CAST["refund_parked"](), uuid4()
    with unguarded():
        Job.objects.filter(id=job).update(id=other)
        row = inspection.ask("default", inspection.Scope(since=_moment(other)), ANN)
        inspection.run(row.id, None)
        assert (str(other), "missing", "aetheris_jobs_event", "1") in found_by(row)
        orphans = {each.broken.table for each in inspection.orphans("default") if str(each.job) == job}
        assert orphans == {
            "aetheris_jobs_event",
            "aetheris_jobs_step",
            "aetheris_jobs_approval",
            "aetheris_ledger_invocation",
        }


def _moment(job: UUID) -> str:
    from jobs.core.moments import text

    return text(Job.objects.get(id=job).created_at)


def test_every_table_and_column_of_the_runtime_is_bound_or_listed_with_its_reason() -> None:
    """A new one must be decided: found by verification, or of no matter, and why."""
    tables = {
        model._meta.db_table: {field.attname for field in model._meta.concrete_fields}
        for label in ("aetheris_jobs", "aetheris_ledger")
        for model in apps.get_app_config(label).get_models()
    }
    bound = {Event._meta.db_table, *(model._meta.db_table for model in KINDS), *TRIED_ELSEWHERE}
    assert set(tables) == bound | set(unbound.TABLES)
    assert bound & set(unbound.TABLES) == set()
    assert all(reason for reason in (*unbound.TABLES.values(), *unbound.COLUMNS.values()))
    assert {(table, column) for table, column in unbound.COLUMNS if column not in tables[table]} == set()
    assert {table for table, _ in unbound.COLUMNS} <= bound
