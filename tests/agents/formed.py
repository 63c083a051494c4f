"""A refund that is approved with a form, by a tool that cannot be asked afterwards: what became of a call a person says."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from examples.payments.client import PaymentsClient
from jobs import TaskGraph, agent
from ledger import ToolCall, tool


class FormedGoal(TypedDict):
    """What is asked for."""

    order_id: str


class Answer(BaseModel):
    """What the approver says besides yes."""

    cost_centre: str = Field(description="Where it is booked.")
    reason: Literal["damaged", "late", "goodwill"]


@tool(effect="at_most_once", timeout=60, name="formed_refund")
def formed_refund(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay the money back."""
    return PaymentsClient.from_environment(timeout=55).refund(order_id, cents, key=call.idempotency_key)


@tool(effect="pure", timeout=10, name="formed_order")
def formed_order(order_id: str) -> dict[str, Any]:
    """Read the order."""
    return PaymentsClient.from_environment(timeout=8).order(order_id)


@agent("refund_formed", version="1")
def refund_formed(goal: FormedGoal) -> TaskGraph:
    """Refund an order after somebody of finance has said yes and why."""
    g = TaskGraph()
    order = g.tool("order", formed_order, order_id=goal["order_id"])
    ask = g.approval(
        "manager", question="Refund this order?", show={"order": order}, groups=["finance"], four_eyes=True,
        deadline="3d", form=Answer,
    )  # fmt: skip
    g.output(g.tool("pay", formed_refund, order_id=order["id"], cents=order["cents"], after=[ask]))
    return g
