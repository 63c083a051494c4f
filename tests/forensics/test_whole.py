"""An untouched record verifies and replays, whatever became of its job; and nobody writes while that is found out."""

from __future__ import annotations

import pytest

from forensics.services import replay_job, verify_job
from tests.forensics.cast import CAST
from tests.forensics.looking import everything, reads_only

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("name", CAST)
def test_an_untouched_job_verifies_and_replays_twice_alike_and_nothing_is_written(name: str) -> None:
    job = CAST[name]()
    rows = everything(job)
    with reads_only():
        verified, first, second = verify_job(job), replay_job(job), replay_job(job)
    assert (verified["ok"], verified["problem"]) == (True, None)
    assert (first["ok"], first["problem"]) == (True, None)
    assert first == second
    assert everything(job) == rows
