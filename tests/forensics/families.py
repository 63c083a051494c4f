"""Jobs that lead to one another, and how a walk between them is asked for in tests."""

from __future__ import annotations

from typing import Any

from forensics import search, services
from forensics.evidence import FORWARD
from forensics.services.across import Stored, walk
from jobs import TaskGraph, sender_of, signal
from jobs.models import Job
from jobs.services import cancel, deliver_due, retry, submit
from jobs.testing import run_until_parked
from ledger import ToolCall, tool
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.agents.tools import look, pay
from tests.factories import person


@tool(effect="pure", name="across_read")
def across_read(word: str, call: ToolCall) -> dict[str, str]:
    """A document that is read."""
    call.cite(f"doc-{word}", digest=f"digest-{word}")
    return {"text": f"paragraph seven of {word}"}


@tool(effect="at_most_once", name="across_tell")
def across_tell(job: str, word: str, call: ToolCall) -> str:
    """A signal to another job, for the job whose tool it is."""
    return signal(job, "go", {"word": word or call.job_id}, id=call.idempotency_key, actor=sender_of(call))


def drawn(graph: TaskGraph, tenant: str, who: str = "ann") -> str:
    job = str(submit("drawn", {"graph": graph.to_json()}, actor=person(who, tenant=tenant)))
    run_until_parked(job)
    deliver_due()
    return job


def parent_of_one(word: str) -> TaskGraph:
    """Read, let a child read on and pay, pay for what it gave."""
    inner = TaskGraph()
    found = inner.tool("inner", across_read, word=word)
    inner.output(inner.tool("paid", pay, word=f"in-{word}", cents=5, after=[found]))
    graph = TaskGraph()
    order = graph.tool("order", across_read, word=f"order-{word}")
    graph.tool("aside", look, word="aside")
    child = graph.agent("child", "drawn", {"graph": inner.to_json()})
    graph.output(graph.tool("pay", pay, word=f"out-{word}", cents=7, after=[order, child]))
    return graph


def family(tenant: str, word: str) -> tuple[str, str]:
    job = drawn(parent_of_one(word), tenant)
    [child] = Job.objects.filter(parent_job=job)
    assert Job.objects.get(id=job).status == "completed"
    return job, str(child.id)


def why(job: str, word: str, **more: Any) -> dict[str, Any]:
    return services.why(Job.objects.get(id=job), word, **more)


def ids(part: dict[str, Any]) -> set[str]:
    return {each["id"] for each in part["nodes"]}


def links(told: dict[str, Any]) -> set[tuple[str, str, str, str, str]]:
    return {
        (each["from"]["job"], each["from"]["node"], each["to"]["job"], each["to"]["node"], each["kind"])
        for each in told["links"]
    }


def forward(job: str, node: str, tenant: str, **more: Any) -> dict[str, Any]:
    while search.behind():
        search.catch_up()
    return walk(Stored(tenant, **more), [(job, node)], FORWARD, None, 20)


def chain_of(tenant: str, count: int) -> list[str]:
    """Jobs, each of which has recalled the payment of the one before, through a retry of a cancelled one."""
    ann = person("ann", tenant=tenant)
    graph = TaskGraph()
    graph.tool("look", look, word="x")
    graph.wait("wait", signal="go", after=["look"])
    jobs = [drawn(graph, tenant)]
    for _ in range(count - 1):
        cancel(jobs[-1], actor=ann)
        run_until_parked(jobs[-1])
        jobs.append(str(retry(jobs[-1], actor=ann)))
        run_until_parked(jobs[-1])
        deliver_due()
    return jobs
