"""From a ready step to the promise of its call: arguments resolved and validated, keys minted (Laws E1, E2)."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from ledger import BadArguments, Tool, ToolCall, UnknownTool, get_tool
from ledger.llm import LLM_TOOL
from ledger.schema import validate_args

from . import clock
from .core.commands import Promise
from .core.evaluation import BadReference, Missing, evaluate
from .core.ids import idempotency_key
from .core.moments import parse, text
from .core.settle import JobScope
from .core.state import Asked, JobState, Node
from .deadlines import seconds_of


class CannotStart(Exception):
    """The step's arguments do not fit: it fails before anything is promised. `error` says why."""

    def __init__(self, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, **more}


def tool_of(state: JobState, node: Node) -> Tool:
    """The tool that a tool, map item or llm step calls; for a compensation, what undoes the recorded result.

    Raises:
        UnknownTool: it, or its compensation, is not registered in this process.
    """
    if node.kind == "llm":
        return LLM_TOOL
    if node.undoes:
        call = state.calls[node.undoes]
        undo = get_tool(call.info["tool"]).compensation
        if undo is None:
            raise UnknownTool(f"tool {call.info['tool']!r} has no compensation in this process")
        return undo.of(call.value)
    spec = state.spec(node)
    assert spec is not None
    return get_tool(spec.spec["tool"])


def arguments(state: JobState, node: Node) -> dict[str, Any]:
    """The step's arguments as its graph gives them, references resolved.

    Raises:
        CannotStart: a reference does not fit the data.
    """
    spec = state.spec(node)
    assert spec is not None
    item = None
    try:
        if node.parent:
            item = evaluate(spec.spec["over"], JobScope(state))[node.index]  # type: ignore[index]
        scope = JobScope(state, item)
        if node.kind == "llm":
            return _model_request(spec.spec, scope)
        exprs = spec.spec["each"] if node.parent else spec.spec["args"]
        return {name: evaluate(expr, scope) for name, expr in exprs.items()}
    except (BadReference, Missing) as error:
        raise CannotStart("bad_reference", f"node {node.id}: {error}") from error


def _model_request(spec: Any, scope: JobScope) -> dict[str, Any]:
    return model_request(
        spec["model"], evaluate(spec["messages"], scope), tools=spec["tools"], output=spec["output"],
        params={name: evaluate(expr, scope) for name, expr in spec["params"].items()},
    )  # fmt: skip


def model_request(
    model: str, messages: Any, *, tools: Any = (), output: Any = None, params: Any = None
) -> dict[str, Any]:
    """The arguments of a model call: tools are given to the model by name and schema, never called by it."""
    named = [each if isinstance(each, Tool) else get_tool(each) for each in tools]
    return {
        "model": model, "messages": messages, "tools": [each.for_model() for each in named],
        "output": output, "params": params or {},
    }  # fmt: skip


def promise_for(
    state: JobState,
    path: str,
    tool: Tool,
    args: dict[str, Any],
    *,
    timeout: float | None = None,
    retry: Any = None,
) -> Promise:
    """The promise of a call.

    Raises:
        CannotStart: the arguments do not fit the tool.
    """
    try:
        valid = validate_args(tool, args)
        business_key = tool.business_key(valid)
    except BadArguments as error:
        raise CannotStart(error.code, f"{path}: {error}", errors=error.errors) from error
    policy = retry.to_json() if hasattr(retry, "to_json") else retry
    return Promise(
        tool=tool.name, version=tool.version, schema=tool.schema_digest, effect=tool.effect,
        key=idempotency_key(state.origin, path), args=valid, business_key=business_key, holds=business_key is not None,
        deadline=_deadline(timeout or seconds_of(tool)), probe=tool.probe_fn is not None,
        retry=policy or tool.retry.to_json(), compensation=tool.compensation is not None, requires=tool.requires,
        confirm=tool.confirm_mode,
    )  # fmt: skip


def _deadline(seconds: float) -> str:
    return text(clock.now() + timedelta(seconds=seconds))


def promise_again(state: JobState, asked: Asked, tool: Tool, timeout: float | None = None) -> Promise:
    """The promise of another attempt at a recorded call: same arguments, same key.

    Raises:
        CannotStart: the call was never promised, and the tool takes its arguments no more.
    """
    info = asked.info
    try:
        business_key = info.get("business_key") if info else tool.business_key(asked.args)
    except BadArguments as error:
        raise CannotStart(error.code, f"{asked.path}: {error}", errors=error.errors) from error
    return Promise(
        tool=tool.name, version=tool.version, schema=tool.schema_digest, effect=tool.effect,
        key=idempotency_key(state.origin, asked.path), args=asked.args, business_key=business_key,
        holds=business_key is not None, deadline=_deadline(timeout or seconds_of(tool)),
        probe=tool.probe_fn is not None, retry=(info or {}).get("retry") or tool.retry.to_json(),
        compensation=tool.compensation is not None, requires=tool.requires,
        confirm=tool.confirm_mode,
    )  # fmt: skip


def tool_call(state: JobState, asked: Asked) -> ToolCall:
    """What the tool is told about its call; a compensation also of the call that it undoes."""
    info, undoes = asked.info, state.nodes[asked.node].undoes
    deadline = parse(info["deadline"])
    return ToolCall(
        idempotency_key=info["key"], business_key=info["business_key"], attempt=asked.attempt, job_id=state.job,
        node=asked.path, tool=info["tool"], tenant=state.tenant, deadline=deadline,
        ends=time.monotonic() + (deadline - clock.now()).total_seconds(), invocation_id=info["invocation"], args=asked.args,
        compensates=tool_call(state, state.calls[undoes]) if undoes else None,
    )  # fmt: skip


def seconds_for(state: JobState, node: Node, tool: Tool) -> float:
    """How long one attempt may take: the node's word over the tool's."""
    spec = state.spec(node)
    return seconds_of(tool, spec.timeout if spec is not None else None)
