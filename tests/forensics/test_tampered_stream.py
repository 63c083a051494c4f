"""Events removed, added, moved, grafted, cut off, half erased or forged: each is found at its place."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from forensics import record
from forensics.services import verify_job
from jobs.models import Blob, Event, Job
from tests.forensics.cast import CAST
from tests.forensics.looking import everything
from tests.forensics.stream_changes import CHANGES, Found, victim
from tests.forensics.tampering import events_of, problem_of, put, unguarded

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_of_the_stream_is_found_at_its_place_and_nothing_is_repaired(
    change: Callable[[str, int], Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = victim(1), victim(2)
    with unguarded():
        expected = change(job, Job.objects.get(id=job).head_seq)
        rows = everything(job)
        found = verify_job(job)
        assert found["problem"] is not None
        assert (found["problem"]["kind"], found["problem"]["seq"]) == expected, found["problem"]["message"]
        assert found["ok"] is False
        assert everything(job) == rows
        monkeypatch.setattr(record, "BATCH", 2)  # wherever one handful of events ends and the next one begins
        assert verify_job(job) == found


def test_a_job_row_under_another_id_has_no_events() -> None:
    job, other = victim(1), "0198f0c0-0000-7000-8000-00000000cccc"
    with unguarded():
        Job.objects.filter(id=job).update(id=other)
        assert problem_of(other) == ("missing", 1)


@pytest.mark.parametrize("change", ["text", "sha256", "tenant"])
def test_a_part_that_stands_outside_its_body_is_held_to_its_digest(change: str) -> None:
    job = CAST["with_a_large_body"]()
    with unguarded():
        digests = {
            part["sha256"]
            for event in events_of(job)
            for part in json.loads(event.body or "").values()
            if isinstance(part, dict) and "sha256" in part
        }
        blob = Blob.objects.filter(sha256__in=digests).first()
        assert blob is not None
        put(blob, **{change: blob.text.replace("x", "y") if change == "text" else "0" * 64})
        found = problem_of(job)
        assert found is not None
        assert found[0] == "changed_body"


def test_a_fork_whose_source_was_rewritten_says_so() -> None:
    job = CAST["forked_and_parked"]()
    source, seq = Job.objects.values_list("forked_from", "forked_seq").get(id=job)
    assert source is not None
    assert seq is not None
    assert problem_of(job) is None
    with unguarded():
        event = Event.objects.get(job_id=source, seq=seq)
        put(event, hash="0" * 64)
        assert problem_of(job) == ("provenance", 1)
    assert problem_of(job) is None
