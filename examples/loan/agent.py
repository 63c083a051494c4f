"""The loan agent: read the application and the policies, let a model assess, ask a person, pay out once."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from examples.loan.model import ASSESSMENT, MODEL
from examples.loan.tools import find_policies, pay_out, read_application
from jobs import TaskGraph, agent


class LoanGoal(TypedDict):
    """What the agent is asked to do."""

    application_id: Annotated[str, Field(min_length=1, max_length=64, description="such as L-2001")]


@agent("loan", version="1")
def loan(goal: LoanGoal) -> TaskGraph:
    """Plan the decision on one application; its output is the payout, or null where it was declined."""
    g = TaskGraph()
    application = g.tool("application", read_application, application_id=goal["application_id"])
    policies = g.tool("policies", find_policies, topic="loan")
    assessment = g.llm(
        "assessment",
        MODEL,
        [{"role": "system", "content": policies}, {"role": "user", "content": application}],
        output=ASSESSMENT,
        temperature=0,
    )
    officer = g.approval(
        "officer",
        question="Pay this loan out?",
        show={"application": application, "assessment": assessment["output"], "policies": policies},
        groups=["finance"],
        four_eyes=True,
        deadline="7d",
        on_timeout="reject",
        when=assessment["output"]["recommend"] == "approve",
    )
    payout = g.tool(
        "payout", pay_out, application_id=application["id"], cents=application["cents"], when=officer.approved
    )
    g.output(payout)
    return g
