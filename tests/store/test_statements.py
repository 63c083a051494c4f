"""A commit costs the same statements however many jobs are parked; each kind of commit has its exact number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jobs import TaskGraph, clock, store
from jobs.core.commands import AdoptPlan, Resume, StartNode
from jobs.core.errors import Illegal
from jobs.core.state import PLAN_STEP
from jobs.models import Approval, Event, Job, Step
from jobs.services.submitting import new_id
from tests.factories import a_job, a_planned_job, a_worker, chain_of, claim, person, promise, told

PARKED = 1000
FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")  # a transaction's own; only SQLite's are seen
# What a commit writes on SQLite: the head, the events, the agenda (removed, placed), the book (settled, promised).
# On Postgres it is one statement.
EXACTLY = {
    "claim of the planning": 3,
    "plan": 4,
    "first promise": 4,
    "outcome and next promise": 6,
    "outcome and end": 4,
}
AT_ONCE = dict.fromkeys(EXACTLY, 1)


def statements(work: Callable[[], object]) -> list[str]:
    """What a piece of work asks of the database."""
    with CaptureQueriesContext(connection) as seen:
        work()
    told = [
        str(each["sql"]) for each in seen.captured_queries
    ]  # of a prepared statement Django knows no text
    return [sql for sql in told if not sql.startswith(FRAME)]


def cost_of_a_fresh_job() -> dict[str, int]:
    """The number of statements of each commit of a job with two tool steps."""
    worker = a_worker()
    job = a_job()
    clock.database_now()
    spent: dict[str, int] = {}

    def spend(name: str, work: Callable[[], object]) -> None:
        spent[name] = len(statements(work))

    spend("claim of the planning", lambda: store.commit(job, StartNode(PLAN_STEP, worker), worker=worker))
    fence = store.load(job).nodes[PLAN_STEP].fence
    spend("plan", lambda: store.commit(job, AdoptPlan(fence, chain_of("first", "second").to_json())))
    fences: list[int] = []
    spend("first promise", lambda: fences.append(claim(job, worker, "first")))
    following = StartNode("second", worker, promise(job, "second"))
    outcome = told(fences[0], node="first")
    spend("outcome and next promise", lambda: store.commit(job, outcome, following, worker=worker))
    last = told(store.load(job).nodes["second"].fence, node="second")
    spend("outcome and end", lambda: store.commit(job, last))
    assert Job.objects.get(id=job).status == "completed"
    return spent


def park(number: int) -> None:
    """Jobs that wait for a signal and a person who never come: one real one, and its rows once more for the others."""
    graph = TaskGraph()
    graph.wait("go", signal="go")
    graph.approval("ask", "Sure?", groups=["finance"])
    pattern = a_planned_job(graph, a_worker())
    ids = [new_id() for _ in range(number - 1)]
    models: tuple[Any, ...] = (Job, Event, Step, Approval)
    for model in models:
        rows = list(model.objects.filter(**{"id" if model is Job else "job_id": pattern}).values())
        model.objects.bulk_create(
            [model(**_of_job(row, job, model)) for job in ids for row in rows], batch_size=500
        )


def _of_job(row: dict[str, Any], job: UUID, model: Any) -> dict[str, Any]:
    if model is Job:
        return {**row, "id": job, "origin": job}
    return {**row, "id": uuid4() if model is Approval else None, "job_id": job}


def test_a_thousand_parked_jobs_add_no_statement_to_the_commits_of_a_fresh_one(fresh_database: str) -> None:
    empty = cost_of_a_fresh_job()
    park(PARKED)
    assert Job.objects.filter(status="parked").count() == PARKED
    assert Step.objects.filter(state="parked", wake_at__isnull=True).count() == 2 * PARKED
    assert cost_of_a_fresh_job() == empty == (AT_ONCE if connection.vendor == "postgresql" else EXACTLY)


def test_an_undisturbed_commit_reads_nothing(engine_db: str) -> None:
    worker = a_worker()
    job = a_job()
    seen = statements(lambda: store.commit(job, StartNode(PLAN_STEP, worker), worker=worker))
    assert not [sql for sql in seen if sql.startswith("SELECT") and "clock_timestamp" not in sql]


def test_a_refusal_on_fresh_knowledge_costs_one_look_at_the_tail(engine_db: str) -> None:
    job = a_job()
    with CaptureQueriesContext(connection) as seen, pytest.raises(Illegal):
        store.commit(job, Resume(person()))
    assert len([each for each in seen.captured_queries if "aetheris_jobs_event" in each["sql"]]) == 1
