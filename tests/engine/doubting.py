"""A job that has done something which can be confirmed, and waits; and what becomes of it when the word comes."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph, signal
from jobs.core.state import JobState
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents.tools import look
from tests.engine.driving import started
from tests.factories import person


def parked(tool: Any, word: str) -> str:
    """A job whose call has landed and which waits for a word before its next."""
    graph = TaskGraph()
    one = graph.tool("one", tool, word=word)
    go = graph.wait("word", signal="go", after=[one])
    graph.output(graph.tool("two", look, word=f"{word} two", after=[go]))
    job = started(graph)
    assert run_until_parked(job).status == "parked"
    return job


def told(job: str) -> JobState:
    """The job after the word has come."""
    signal(job, "go", actor=person())
    return run_until_parked(job)


def line(job: str) -> Invocation:
    """The ledger line of what it did."""
    return Invocation.objects.get(job_id=job, node="one")
