"""Retry toy jobs, and hold every record of what comes of it against the laws."""

from __future__ import annotations

from typing import Any

import pytest

from forensics.services import replay_job, verify_job
from jobs import TaskGraph, retry
from jobs.core.errors import Illegal
from jobs.core.state import JobState
from jobs.testing import run_until_parked
from ledger import NotLanded
from tests.agents.tools import put, send
from tests.factories import person
from tests.store.audit import check

BOB, ZOE = person("bob"), person("zoe")
NO = NotLanded("the other side said no", permanent=True)


def retried(job: str, **more: Any) -> JobState:
    """The retry of a job, driven until it rests; every record of both jobs is whole."""
    second = str(retry(job, actor=ZOE, **more))
    state = run_until_parked(second)
    for each in (job, second):
        check(each)
        assert verify_job(each)["problem"] is None, verify_job(each)
    replayed = replay_job(second)
    assert replayed["ok"], replayed["problem"]
    return state


def refusal(job: str) -> Any:
    with pytest.raises(Illegal) as refused:
        retry(job, actor=ZOE)
    return refused.value


def chain(first: str, second: str, third: str) -> TaskGraph:
    graph = TaskGraph()
    one = graph.tool("one", send, word=first)
    two = graph.tool("two", send, word=second, after=[one])
    graph.output({"one": one["n"], "three": graph.tool("three", put, word=third, after=[two])["n"]})
    return graph
