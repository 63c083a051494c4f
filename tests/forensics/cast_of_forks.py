"""Jobs that are born of others' records."""

from __future__ import annotations

from jobs import TaskGraph, approve, cancel, fork, retry
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import NotLanded
from tests.agents import world
from tests.agents.tools import look, put, send
from tests.engine.driving import a_word, started
from tests.factories import person
from tests.forensics.cast_of_code import a_workflow_at_an_approval
from tests.forensics.cast_of_graphs import BOB, refund_like
from tests.forensics.casting import part

ZOE = person("zoe")


@part
def retried_after_an_approval() -> str:
    word, graph = a_word(), TaskGraph()
    order = graph.tool("order", look, word=a_word())
    ask = graph.approval("ask", question="Send?", show={"order": order}, groups=["finance"])
    sent = graph.tool("send", send, word=a_word(), after=[ask])
    graph.tool("last", put, word=word, after=[sent])
    job = started(graph)
    run_until_parked(job)
    approve(job, actor=BOB)
    world.script(word, NotLanded("no", permanent=True))
    assert run_until_parked(job).status == "failed"
    second = str(retry(job, actor=ZOE, idempotency_key=a_word()))
    assert run_until_parked(second).status == "completed"
    return second


@part
def retried_from_a_workflow() -> str:
    job = a_workflow_at_an_approval()
    cancel(job, actor=BOB)
    second = str(retry(job, actor=ZOE))
    assert run_until_parked(second).status == "parked"
    return second


@part
def forked_and_parked() -> str:
    job = started(refund_like(a_word()))
    run_until_parked(job)
    cut = Event.objects.get(job_id=job, type="node_finished", node="order").seq
    second = str(fork(job, cut, actor=ZOE, idempotency_key=a_word()))
    assert run_until_parked(second).status == "parked"
    return second
