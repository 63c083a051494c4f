"""How the function of a step ended: what its return value or its exception means for the job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ledger import UnknownTool
from ledger.canonical import NotJson, storable
from ledger.tracebacks import described

from .calls import Claim
from .conf import conf
from .core.commands import AdoptPlan, Command, FailNode, FinishNode
from .core.errors import Illegal
from .core.names import PlanError
from .core.playback import CallFailed, NonDeterminism, OutsideWorld
from .interrupts import ParkCaught
from .planning import checked_plan, requirements
from .secrecy import SecretInArguments, kept

SAYS_IT_ALL = (
    NotJson,
    Illegal,
    OutsideWorld,
    ParkCaught,
    SecretInArguments,
    UnknownTool,
)  # a traceback would add nothing
FINAL = (
    NonDeterminism,
    OutsideWorld,
    PlanError,
    Illegal,
    ParkCaught,
    SecretInArguments,
)  # another run would end alike


def ending(claim: Claim, node_kind: str, result: Any, delta: Mapping[str, Any]) -> Command:
    """What a function's return value means: a plan, or a result that can be stored.

    Raises:
        PlanError: a planner returned something that is no plan.
    """
    if node_kind == "plan":
        plan = checked_plan(result)
        return AdoptPlan(fence=claim.fence, plan=plan.written(), requires=requirements(plan))
    text, problem = storable(result, conf().MAX_RESULT)
    if problem is not None:
        message = f"step {claim.node} returned something that cannot be stored: {problem['reason']}"
        error = {"code": "result_unstorable", "message": message, **kept(problem)}
        return FailNode(node=claim.node, fence=claim.fence, error=error)
    assert text is not None
    result = kept(json.loads(text), "the result of a step")
    return FinishNode(
        node=claim.node, fence=claim.fence, result=result, delta=kept(delta, "the state of a step")
    )


def failure(claim: Claim, error: Exception) -> Command:
    """What an exception that left the function means."""
    path = error.path if isinstance(error, CallFailed) else ""
    return FailNode(
        node=claim.node,
        fence=claim.fence,
        error=_told(error),
        retryable=not isinstance(error, FINAL),
        path=path,
    )


def _told(error: Exception) -> dict[str, Any]:
    if isinstance(error, NonDeterminism):
        return {"code": "non_determinism", "message": str(error), "path": error.path, "recorded": error.recorded,
                "asked": error.asked}  # fmt: skip
    if isinstance(error, CallFailed):
        return {"code": error.code, "message": str(error), "path": error.path, "cause": error.error}
    if isinstance(error, PlanError):
        return {"code": error.code, "message": kept(str(error)), "node": error.node}
    if isinstance(error, SAYS_IT_ALL):
        return {"code": getattr(error, "code", "not_json"), "message": kept(str(error))}
    told = described(error)
    told.setdefault("code", "raised")
    return told
