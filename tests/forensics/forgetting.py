"""Jobs that are brought to their end, and a look for a word in every column of every table."""

# ruff: noqa: S608 - the statement is made of names that the database gave
from __future__ import annotations

import random
from typing import Any

from django.db import connection

from jobs import TaskGraph, cancel
from jobs.models import Job, Tombstone
from jobs.services import deliver_due, erase, prune, resolve
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents.tools import pay
from tests.engine.driving import started
from tests.factories import person

OFFICER = person("officer")
WHY: dict[str, Any] = {
    "legal_basis": "Art. 17 (1) (b) GDPR",
    "reason": "the person asked for it",
    "actor": OFFICER,
}


BECAUSE: dict[str, Any] = {"reason": "kept long enough", "actor": OFFICER}


def paid(word: str, cents: int = 5) -> TaskGraph:
    """One payment under a business key."""
    graph = TaskGraph()
    graph.output(graph.tool("paid", pay, word=word, cents=cents))
    return graph


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    """A graph of one call."""
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


def done(graph: TaskGraph, **more: Any) -> str:
    """A job that ran the graph."""
    job = started(graph, **more)
    run_until_parked(job)
    deliver_due()
    return job


def pruned(job: str, **more: Any) -> Tombstone:
    """Prune for the officer."""
    return prune(job, **BECAUSE, **more)


def ended(job: str) -> bool:
    """Bring a job to its end, whatever it waits for; whether that could be done."""
    if Job.objects.get(id=job).finished_at is None:
        cancel(job, actor=person())
    for _ in range(5):
        for line in Invocation.objects.filter(job_id=job, state="unknown"):
            resolve(line.id, "fail", actor=person("bob"))
        run_until_parked(job)
        deliver_due()
        if Job.objects.get(id=job).finished_at is not None:
            return True
    return False


def erased(job: str, **choice: Any) -> dict[str, Any]:
    """Erase for the officer."""
    return erase(job, **WHY, **(choice or {"everything": True}))


def some(job: str, seed: int) -> list[int]:
    """Some events of a job."""
    head = Job.objects.get(id=job).head_seq
    dice = random.Random(seed)
    return sorted(dice.sample(range(1, head + 1), dice.randint(1, head)))


def places_of(word: str) -> list[str]:
    """Every column of every table in which a word stands, however it is written."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        columns = [
            (table, column.name)
            for table in tables
            for column in connection.introspection.get_table_description(cursor, table)
        ]
        return [f"{table}.{column}" for table, column in columns if _stands_in(cursor, table, column, word)]


def _stands_in(cursor: Any, table: str, column: str, word: str) -> bool:
    quote = connection.ops.quote_name
    cursor.execute(
        f"SELECT count(*) FROM {quote(table)} WHERE CAST({quote(column)} AS text) LIKE %s", [f"%{word}%"]
    )
    return bool(cursor.fetchone()[0])
