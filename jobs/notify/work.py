"""The agent whose jobs are notifications: one recipient and one occasion each."""

from __future__ import annotations

from pydantic import BaseModel

from ..agents import agent
from ..core.graph import TaskGraph
from ..notifying import AGENT
from .hook import notify_webhook
from .mail import notify_mail


class Notification(BaseModel):
    """Whom to tell of what: a user by mail, or an address by webhook."""

    by: str
    to: str
    approval: str
    job: str
    occasion: str
    seq: int
    detail: str


@agent(AGENT, version="1")
def notify(goal: Notification) -> TaskGraph:
    """Tell one recipient of one occasion of an approval."""
    graph = TaskGraph()
    told = goal.model_dump(include={"approval", "occasion", "seq", "detail"})
    if goal.by == "webhook":
        graph.output(graph.tool("webhook", notify_webhook, webhook=goal.to, **told))
    else:
        graph.output(graph.tool("mail", notify_mail, to=goal.to, **told))
    return graph
