"""What one step costs, in numbers that no machine changes: statements, round trips, rows and bytes.

A job of twenty more steps costs twenty times one step more, so the difference of two jobs is the cost of a step, with every
read and write of the whole way through runner, door and ledger. A change that adds a statement to a step fails here.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Coalesce, Length
from django.test.utils import CaptureQueriesContext

from jobs import TaskGraph, agent, workflow
from jobs.models import Event, Step
from jobs.testing import run_until_parked
from ledger import tool
from ledger.models import Invocation
from tests.engine.driving import asked, started

FEW, MANY = 20, 40
ROWS = {"event": 7, "line": 1, "step": 0}
# Transactions are those with BEGIN and COMMIT, two round trips more; the one statement on Postgres is one by itself.
ONE_STATEMENT = {"statements": 1, "transactions": 0}
ONE_BY_ONE = {"statements": 6, "transactions": 1}
CALL_ONE_STATEMENT = {"statements": 2, "transactions": 0}
CALL_ONE_BY_ONE = {"statements": 8, "transactions": 2}
BYTES = 3700  # with the step's part of the plan


@tool(name="cost.act")
def act(i: int) -> int:
    """Nothing that may be done twice."""
    return i


@tool(name="cost.compute", effect="pure")
def compute(i: int) -> int:
    """Nothing."""
    return i


@agent("cost-calls")
@workflow
def calling(ctx: Any, goal: dict[str, Any]) -> int:
    """So many calls."""
    return sum(ctx.tool(act, i=i) for i in range(10, 10 + goal["steps"]))


def chained(steps: int, what: Any) -> str:
    """A job of so many steps, one after the other; names and numbers of one length."""
    graph, before = TaskGraph(), None
    for i in range(10, 10 + steps):
        before = graph.tool(f"s{i}", what, i=i, after=[before] if before is not None else [])
    graph.output(0)
    return started(graph)


def spent(job: str) -> dict[str, int]:
    """Runs a job: what its thread asked of the database, and what stands there now."""
    connection.queries_log.clear()  # it forgets the oldest when it is full
    with CaptureQueriesContext(connection) as seen:
        assert run_until_parked(job).status == "completed"
    said = [str(each["sql"]) for each in seen.captured_queries]
    frame = [sql for sql in said if sql.startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))]
    return {
        "statements": len(said) - len(frame),
        "transactions": len([sql for sql in frame if sql == "COMMIT"]),
        "event": Event.objects.filter(job_id=job).count(),
        "line": Invocation.objects.filter(job_id=job).count(),
        "step": Step.objects.filter(job_id=job).count(),
        "bytes": size(job),
    }


def size(job: str) -> int:
    """Characters of text that a job's events and ledger lines hold."""
    texts: dict[Any, tuple[str, ...]] = {
        Event: ("body", "salt", "digest", "prev", "hash", "type", "node", "at"),
        Invocation: ("args", "result", "error", "node", "args_digest", "schema", "idempotency_key"),
    }
    return sum(
        model.objects.filter(job_id=job).aggregate(all=Sum(Coalesce(Length(name), 0)))["all"] or 0
        for model, names in texts.items()
        for name in names
    )


def of_a_step(few: dict[str, int], many: dict[str, int]) -> dict[str, float]:
    """The difference of two jobs, for one step."""
    return {name: (many[name] - few[name]) / (MANY - FEW) for name in few}


def expected(at_once: dict[str, int], one_by_one: dict[str, int]) -> dict[str, int]:
    return at_once if connection.vendor == "postgresql" else one_by_one


@pytest.mark.parametrize("what", [act, compute], ids=["at most once", "pure"])
def test_a_step_of_a_graph_costs_one_commit(engine_db: str, what: Any) -> None:
    cost = of_a_step(spent(chained(FEW, what)), spent(chained(MANY, what)))
    assert cost.pop("bytes") < BYTES
    assert cost == {**expected(ONE_STATEMENT, ONE_BY_ONE), **ROWS}


def test_a_call_of_a_workflow_costs_two(engine_db: str) -> None:
    few, many = (spent(asked("cost-calls", {"steps": steps})) for steps in (FEW, MANY))
    cost = of_a_step(few, many)
    assert cost.pop("bytes") < BYTES
    assert cost == {**expected(CALL_ONE_STATEMENT, CALL_ONE_BY_ONE), **ROWS, "event": 4}


def test_a_step_costs_as_many_bytes_late_as_early(engine_db: str) -> None:
    """Numbers of three digits instead of two are all that the place in the job may cost."""
    job = chained(80, act)
    run_until_parked(job)
    early, late = (bytes_of_step(job, f"s{i}") for i in (12, 85))
    assert abs(late - early) < early / 50


def bytes_of_step(job: str, node: str) -> int:
    rows = Event.objects.filter(job_id=job, node=node)
    return int(rows.aggregate(all=Sum(Length("body")))["all"])
