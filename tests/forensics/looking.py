"""Look at all rows of a job, and see to it that nothing but looking happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from jobs.models import Approval, Blob, Delivery, Event, Job, Step
from ledger import hand
from ledger.models import Invocation

READS = ("SELECT", "BEGIN", "SET TRANSACTION", "SET LOCAL")
OWN: tuple[type[Model], ...] = (Event, Step, Approval, Invocation, Delivery)


def everything(job: str) -> list[list[tuple[Any, ...]]]:
    """Every row that a job has, column by column."""
    rows: list[list[tuple[Any, ...]]] = [list(Job.objects.filter(id=job).values_list())]
    rows += [list(model._default_manager.filter(job_id=job).order_by("pk").values_list()) for model in OWN]
    return [*rows, list(Blob.objects.order_by("pk").values_list())]


@contextmanager
def reads_only() -> Iterator[None]:
    """Fail on any statement that is no reading one, and on any touch of the hand that calls tools and models."""

    def watch(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        assert sql.startswith(READS), sql
        return execute(sql, params, many, context)

    def explode(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the hand was moved")

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(watch):
        for name in hand.__all__[1:]:
            patch.setattr(hand, name, explode)
        yield
