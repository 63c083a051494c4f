"""A tenant with a record worth searching: documents, a model, people, effects, failures."""

from __future__ import annotations

from typing import Any

from forensics import search
from jobs import TaskGraph, clock, submit
from jobs.core.commands import Actor
from jobs.models import Approval
from jobs.services import approve
from jobs.testing import run_until_parked
from ledger import NotLanded, ToolCall, tool
from ledger.llm import Scripted, register_model
from tests.agents import graphs  # noqa: F401 - registers the toy agents
from tests.factories import EVERYTHING

SCRIBE = "scribe-1"


@tool(effect="pure", name="search.read_file")
def read_file(doc: str, call: ToolCall) -> str:
    """Read a document, and say so."""
    call.cite(doc, digest="0" * 64, source="store")
    return f"the text of {doc}"


@tool(name="refund_card", key=lambda order, **_: f"refund:{order}")
def refund_card(order: str, cents: int) -> dict[str, Any]:
    """Pay back to a card."""
    return {"order": order, "cents": cents}


@tool(name="refund_gift")
def refund_gift(order: str) -> str:
    """Pay back as a gift."""
    raise NotLanded(f"no gift for {order}")


class Record:
    """Three jobs of one tenant: one refund that ann asked for and bea approved, one that failed, one that waits."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        register_model(SCRIBE, Scripted(["pay it"] * 3))
        self.ann = Actor(f"ann-{tenant}", "Ann", tenant=tenant, may=EVERYTHING)
        self.bea = Actor(f"bea-{tenant}", "Bea", groups=("finance",), tenant=tenant, may=EVERYTHING)
        self.paid = self.start(_refund(f"A-{tenant}"), tags=["gold", "vip é"])
        run_until_parked(self.paid)
        clock.shift(5)
        approve(str(Approval.objects.get(job_id=self.paid).id), actor=self.bea, comment="looks right")
        assert run_until_parked(self.paid).status == "completed"
        clock.shift(60)
        self.failed = self.start(_gift())
        assert run_until_parked(self.failed).status == "failed"
        clock.shift(60)
        self.waiting = self.start(_refund(f"B-{tenant}"))
        assert run_until_parked(self.waiting).status == "parked"
        while search.catch_up():  # whatever other tests have left to read
            continue

    def start(self, graph: TaskGraph, **more: Any) -> str:
        """A job of ann's."""
        return str(submit("drawn", {"graph": graph.to_json()}, actor=self.ann, **more))


def _refund(order: str) -> TaskGraph:
    graph = TaskGraph()
    text = graph.tool("read", read_file, doc="D-1")
    said = graph.llm("think", SCRIBE, [{"role": "user", "content": text}])
    ask = graph.approval("ask", question="Refund?", show={"why": said["text"]}, groups=["finance"])
    graph.output(graph.tool("pay", refund_card, order=order, cents=5, after=[ask]))
    return graph


def _gift() -> TaskGraph:
    graph = TaskGraph()
    graph.tool("give", refund_gift, order="G-1", retry={"max_attempts": 1})
    return graph
