"""Whatever a job has been through, its untouched record verifies; and a job that runs meanwhile is read whole."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from forensics import record
from forensics.services import verify_job
from jobs import signal
from jobs.testing import run_until_parked
from tests.factories import person, recorded_knocks
from tests.forensics.cast import CAST
from tests.store import test_derived_rows as drawn

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("seed", range(200, 216))
def test_a_drawn_history_verifies(seed: int) -> None:
    with recorded_knocks():
        job = drawn._told(seed).job
    assert verify_job(job)["problem"] is None


def test_a_job_that_moves_while_it_is_verified_is_read_as_of_one_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = CAST["a_workflow_at_a_gather"]()
    before = verify_job(job)["events"]
    real = record.stream_of

    def meanwhile(key: object, **more: object) -> object:
        def move() -> None:
            signal(job, "go", actor=person())
            connection.close()

        other = threading.Thread(target=move)
        other.start()
        other.join(60)
        return real(key, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(record, "stream_of", meanwhile)
    told = verify_job(job)
    monkeypatch.undo()
    assert (told["problem"], told["events"]) == (None, before)
    assert verify_job(job)["events"] > before
    run_until_parked(job)
