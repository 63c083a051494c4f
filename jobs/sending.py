"""Messages that a workflow sends: whom they reach is looked up before they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .core.commands import Call, FailCall
from .core.errors import Illegal, Refused
from .core.state import JobState
from .offered import check_goal, chosen_definition
from .queries.instances import instance_for


def addressed(state: JobState, call: Call) -> Call | FailCall:
    """A call as it is written: a message with its receiver and the version it will run, or why it cannot be sent.

    Other calls stay as they are.
    """
    if call.kind != "send":
        return call
    try:
        return replace(call, spec={**call.spec, **_receiver(state.tenant, call)})
    except Refused as refused:
        error = {"code": refused.code, "message": refused.message}
        return FailCall(node=call.node, fence=call.fence, path=call.path, kind=call.kind, name=call.name, args=call.args,
                        error=error)  # fmt: skip


def _receiver(tenant: str, call: Call) -> Mapping[str, Any]:
    row = instance_for(tenant, call.name)
    if row.deleted_at is not None:
        raise Illegal(f"agent {call.name} has been deleted; it takes no messages", code="agent_deleted")
    definition = chosen_definition(row.agent, row.version or None)
    check_goal(definition, call.spec["goal"])
    return {"instance": str(row.id), "agent": row.agent, "version": definition.version}
