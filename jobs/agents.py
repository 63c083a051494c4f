"""The registry: agents by name and version, workflows by name; how agent modules are found."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger.schema import Arguments

from .core.names import check_id

Function = Callable[..., Any]


class UnknownAgent(LookupError):
    """No such agent, or no such version of it, is registered in this process."""

    code = "unknown_agent"


class UnknownWorkflow(LookupError):
    """No workflow of that name is registered in this process."""

    code = "unknown_workflow"


class DuplicateAgent(ImportError):
    """Two functions claim one agent version or one workflow name."""


@dataclass(frozen=True)
class Workflow:
    """A durable function: `fn(ctx, …)`, plain or async."""

    name: str
    fn: Function
    is_async: bool
    arguments: Arguments
    code: str = ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.fn(*args, **kwargs)


@dataclass(frozen=True)
class Agent:
    """A named planner (goal -> TaskGraph) or workflow, in one version.

    `form`: planner, recorded_planner (takes ctx and goal) or workflow.
    """

    name: str
    version: str
    fn: Function
    form: str
    default: bool
    goal: Arguments
    description: str = ""
    is_async: bool = False
    workflow: Workflow | None = field(default=None)
    code: str = ""

    @property
    def offer(self) -> str:
        return f"{self.name}@{self.version}"


_agents: dict[tuple[str, str], Agent] = {}
_workflows: dict[str, Workflow] = {}
_lock = threading.RLock()


def workflow(fn: Function | None = None, *, name: str | None = None) -> Any:
    """Register a durable function, bare (`@workflow`) or with a name.

    Args:
        fn: `def` or `async def`, its first parameter the ctx.
        name: default the function's name.

    Returns:
        The `Workflow`, callable like the function.

    Raises:
        DuplicateAgent: another function has the name.
    """
    if fn is None:
        return lambda function: workflow(function, name=name)
    label = check_id(name or fn.__name__, "workflow name")
    made = Workflow(
        name=label,
        fn=fn,
        is_async=inspect.iscoroutinefunction(fn),
        arguments=Arguments.of(fn, skip=("ctx",)),
        code=source_digest(fn),
    )
    with _lock:
        other = _workflows.get(label)
        if other is not None and not _same(other.fn, fn):
            raise DuplicateAgent(f"two workflows are called {label!r}: {_place(other.fn)} and {_place(fn)}")
        _workflows[label] = made
    return made


def agent(name: str, *, version: str = "1", default: bool = False) -> Callable[[Any], Any]:
    """Register a planner or a workflow as an agent.

    Args:
        name: what jobs ask for.
        version: dotted numbers order; several versions may be registered.
        default: the version that a job without a pin takes (else the highest).

    Returns:
        A decorator that gives the function back unchanged.

    Raises:
        DuplicateAgent: another function has this name and version.
    """
    check_id(name, "agent name")
    check_id(version, "agent version")

    def keep(fn: Any) -> Any:
        made = _made(name, version, default, fn)
        with _lock:
            other = _agents.get((name, version))
            if other is not None and not _same(other.fn, made.fn):
                raise DuplicateAgent(
                    f"agent {name}@{version} is registered twice: {_place(other.fn)} and {_place(made.fn)}; "
                    "give the newer one another version"
                )
            _agents[name, version] = made
        return fn

    return keep


def _made(name: str, version: str, default: bool, fn: Any) -> Agent:
    flow = fn if isinstance(fn, Workflow) else None
    function: Function = flow.fn if flow else fn
    parameters = list(inspect.signature(function).parameters)
    with_ctx = bool(parameters) and parameters[0] == "ctx"
    form = "workflow" if flow else "recorded_planner" if with_ctx else "planner"
    names = parameters[1:] if with_ctx else parameters
    if names[:1] != ["goal"] or len(names) != 1:
        raise TypeError(
            f"agent {name}@{version}: {_place(function)} must take `goal`, or `ctx, goal`; it takes {parameters}"
        )
    return Agent(
        name=name, version=version, fn=function, form=form, default=default, workflow=flow,
        goal=Arguments.of(function, skip=("ctx",)), description=inspect.getdoc(function) or "",
        is_async=inspect.iscoroutinefunction(function), code=flow.code if flow else source_digest(function),
    )  # fmt: skip


def source_digest(fn: Function) -> str:
    """SHA-256 (hex) of the text of the module that a function stands in, line ends as `\\n`; empty where there is none.

    Of the whole module, because a function is no more than what it calls. It is read while the module is imported, before
    anybody can have changed it on the disk.
    """
    file = getattr(inspect.unwrap(fn), "__code__", None)
    try:
        text = Path(file.co_filename).read_bytes() if file else b""
    except OSError:
        return ""
    return sha256(text.replace(b"\r\n", b"\n")).hexdigest() if text else ""


def get_agent(name: str, version: str) -> Agent:
    """The agent in exactly that version.

    Raises:
        UnknownAgent: naming what is registered.
    """
    found = _agents.get((name, version))
    if found is None:
        known = sorted(f"{n}@{v}" for n, v in _agents if n == name) or sorted({n for n, _ in _agents})
        near = get_close_matches(name, [n for n, _ in _agents], n=1)
        hint = (
            f"; did you mean {near[0]!r}?"
            if near and near[0] != name
            else f"; registered here: {', '.join(known)}"
        )
        raise UnknownAgent(f"agent {name}@{version} is not registered in this process{hint}")
    return found


def get_workflow(name: str) -> Workflow:
    """A registered workflow.

    Raises:
        UnknownWorkflow: naming what is registered.
    """
    found = _workflows.get(name)
    if found is None:
        raise UnknownWorkflow(
            f"workflow {name!r} is not registered; registered here: {', '.join(sorted(_workflows))}"
        )
    return found


def all_agents() -> list[Agent]:
    """Every registered agent version, by name and version."""
    return [_agents[key] for key in sorted(_agents)]


def all_workflows() -> list[str]:
    """Names of the registered workflows."""
    return sorted(_workflows)


def discover() -> None:
    """Import the `agents` modules of installed apps and the modules that `AETHERIS["AGENTS"]` names."""
    from django.utils.module_loading import autodiscover_modules

    from .conf import conf

    autodiscover_modules("agents")
    for module in conf().AGENTS:
        importlib.import_module(module)


def _same(one: Function, other: Function) -> bool:
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _place(fn: Function) -> str:
    return f"{fn.__module__}.{fn.__qualname__}"


__all__ = [
    "Agent", "DuplicateAgent", "UnknownAgent", "UnknownWorkflow", "Workflow", "agent", "all_agents",
    "all_workflows", "discover", "get_agent", "get_workflow", "source_digest", "workflow",
]  # fmt: skip
