"""The refund agent: read the order, ask a person if it is expensive, pay the money back once."""

from typing import Annotated

from pydantic import Field, with_config
from typing_extensions import TypedDict

from examples.refund.tools import fetch_order, issue_refund
from jobs import TaskGraph, agent

APPROVAL_ABOVE_CENTS = 10_000


@with_config({"extra": "allow"})
class RefundGoal(TypedDict):
    """What the agent is asked to do. Further fields are kept with the job and have no effect."""

    order_id: Annotated[str, Field(min_length=1, max_length=64, description="such as A-1001")]


@agent("refund", version="1")
def refund(goal: RefundGoal) -> TaskGraph:
    """Plan the refund of one order; its output is the refund that was made."""
    g = TaskGraph()
    order = g.tool("order", fetch_order, order_id=goal["order_id"])
    ask = g.approval(
        "manager",
        question="Refund?",
        show={"order": order},
        groups=["finance"],
        quorum=1,
        four_eyes=True,
        deadline="3d",
        on_timeout="reject",
        when=order["cents"] > APPROVAL_ABOVE_CENTS,
    )
    pay = g.tool("pay", issue_refund, order_id=order["id"], cents=order["cents"], after=[ask])
    g.output(pay)
    return g
