"""What undoes a tool's landed effect, as its author declared it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, overload

from ledger.outcomes import ToolCall
from ledger.retry import Retry, seconds

if TYPE_CHECKING:
    from ledger.declared import Tool

Function = Callable[..., Any]
F = TypeVar("F", bound=Callable[..., Any])
SECONDS = 60.0  # of one attempt, where nothing is said
Undoing = Literal["idempotent", "at_most_once"]


@dataclass(frozen=True, eq=False)
class Compensation:
    """What undoes a tool's landed effect: a call of its own, with its own effect class, timeout and retry.

    Calling it runs the plain function: no ledger, no retry, no timeout.
    """

    tool: Tool
    fn: Function
    effect: Undoing
    timeout: float
    retry: Retry
    probe_fn: Function | None = None
    probe_final: bool = False

    def __call__(self, call: ToolCall, result: Any) -> Any:
        self.tool.watched(f"the compensation of tool {self.tool.name}")
        return self.fn(call, result)

    @overload
    def probe(self, fn: F) -> F: ...
    @overload
    def probe(self, *, final: bool = False) -> Callable[[F], F]: ...
    def probe(self, fn: F | None = None, *, final: bool = False) -> F | Callable[[F], F]:
        """Decorate `(call) -> Landed | Absent | Unknown`, which asks the world whether the effect was undone.

        Args:
            fn: the probe, when used without brackets.
            final: as for a tool's probe.

        Raises:
            ValueError: it has a probe already.
        """

        def keep(probe: F) -> F:
            if not callable(probe):
                raise ValueError(
                    f"the compensation of tool {self.tool.name!r}: @probe decorates a function, not {probe!r}"
                )
            if self.probe_fn is not None:
                raise ValueError(
                    f"the compensation of tool {self.tool.name!r} has a probe already: remove one of the two"
                )
            object.__setattr__(self, "probe_fn", probe)
            object.__setattr__(self, "probe_final", final)
            return probe

        return keep if fn is None else keep(fn)

    def of(self, result: Any) -> Tool:
        """The undoing of one result as the hand calls it: the recorded arguments are told, not passed."""
        fn, told = self.fn, deepcopy(result)
        if inspect.iscoroutinefunction(fn):

            async def undo_async(call: ToolCall, **args: Any) -> Any:
                return await fn(call, told)

            return self._as_tool(undo_async)

        def undo(call: ToolCall, **args: Any) -> Any:
            return fn(call, told)

        return self._as_tool(undo)

    def _as_tool(self, fn: Function) -> Tool:
        return replace(
            self.tool, fn=fn, effect=self.effect, timeout=self.timeout, retry=self.retry, probe_fn=self.probe_fn,
            probe_final=self.probe_final, rate=None, key=None, confirm_fn=None, confirm_mode="", compensation=None,
        )  # fmt: skip


def compensation_of(
    tool: Tool, fn: Function, effect: str, timeout: float | str | None, retry: Retry | None
) -> Compensation:
    """A compensation, its options checked; what is not given is the tool's own.

    Raises:
        ValueError: an option is out of range, or the function does not take `(call, result)`.
    """
    what = f"the compensation of tool {tool.name!r}"
    if effect not in ("at_most_once", "idempotent"):
        raise ValueError(f"{what}: effect is {effect!r}, it must be 'at_most_once' or 'idempotent'")
    if retry is not None and not isinstance(retry, Retry):
        raise ValueError(f"{what}: retry is {retry!r}, it must be a Retry(...)")
    own = tool.timeout if math.isfinite(tool.timeout) else SECONDS  # a transactional tool may declare none
    limit = own if timeout is None else positive(timeout, what)
    takes_call_and_result(fn, what, "compensate")
    return Compensation(tool, fn, cast(Undoing, effect), limit, retry or tool.retry)


def takes_call_and_result(fn: Function, what: str, decorator: str) -> None:
    """Refuse what cannot be called as `(call, result)`.

    Raises:
        ValueError: it is no function, or its parameters are others.
    """
    if not callable(fn):
        raise ValueError(f"{what}: @{decorator} decorates a function, not {fn!r}; options are given by name")
    try:
        inspect.signature(fn).bind(None, None)
    except TypeError as error:
        raise ValueError(
            f"{what} is called as (call, result), which its function does not take: {error}"
        ) from error


def positive(timeout: float | str, what: str) -> float:
    """A time limit in seconds.

    Raises:
        ValueError: it is no duration, or zero.
    """
    number = seconds(timeout, f"timeout of {what}")
    if number == 0:
        raise ValueError(f"timeout of {what} is 0: a call needs some time, write e.g. timeout='30s'")
    return number
