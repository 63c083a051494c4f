"""Whatever is erased of a job, the rest verifies, every row is what the rest derives, and nothing of it stays anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from forensics.services import replay_job, verify_job
from jobs.core.errors import Illegal
from jobs.models import Event, Job
from jobs.queries.history import read as history
from jobs.queries.tracing import node_detail, trace
from tests.fatal.audit import read, rows_of
from tests.forensics.cast import CAST
from tests.forensics.forgetting import ended, erased, pruned, some

pytestmark = pytest.mark.usefixtures("here")


def _chain(job: str) -> list[tuple[object, ...]]:
    return list(
        Event.objects.filter(job_id=job)
        .order_by("seq")
        .values_list("seq", "type", "node", "at", "digest", "prev", "hash")
    )


def _whole(job: str) -> None:
    found = verify_job(job)
    assert found["problem"] is None, found["problem"]


@pytest.mark.parametrize("name", CAST)
def test_whatever_is_erased_the_chain_and_every_row_verify(name: str) -> None:
    job = CAST[name]()
    if not ended(job):
        pytest.skip("it does not end by being called off")
    before, row = _chain(job), Job.objects.get(id=job)
    choices: list[dict[str, Any]] = [{"events": some(job, 1)}, {"events": some(job, 2)}, {"everything": True}]
    for step, choice in enumerate(choices):
        done = erased(job, **choice)
        _whole(job)
        assert _chain(job)[: len(before)] == before
        assert done["untouched"] + len(done["erased"]) == done["head_before"]["seq"], step
    after = Job.objects.get(id=job)
    for column in (
        "status",
        "outcome",
        "phase",
        "agent",
        "requester",
        "tags",
        "finished_at",
        "parent_job",
        "turn",
    ):
        assert getattr(after, column) == getattr(row, column)
    assert erased(job)["erased"] == []
    assert Job.objects.get(id=job).head_hash == after.head_hash
    assert trace(after)["status"] == row.status
    for node in history(after).state.nodes:
        node_detail(after, node)
    if history(after).state.erased:
        with pytest.raises(Illegal, match="cannot tell: erased"):
            replay_job(job)


def test_the_auditor_who_shares_no_code_finds_nothing_either(engine_db: str) -> None:
    """Jobs of every shape, erased in part and whole, and pruned ones beside them."""
    jobs = {CAST[name]() for name in sorted(CAST)}
    over = [job for job in sorted(jobs) if ended(job)]
    for number, job in enumerate(over):
        erased(job, **({"everything": True} if number % 2 else {"events": some(job, number)}))
    gone = {over[0], over[-1]}
    for job in gone:
        pruned(job)
    books = read(engine_db)
    assert gone <= set(books.tombstones)
    ours = replace(books, jobs={job: row for job, row in books.jobs.items() if job in jobs})
    about = [each for each in rows_of(ours) if any(job in each for job in jobs)]
    assert about == []
