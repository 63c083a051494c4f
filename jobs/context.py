"""What a step may ask for: the `ctx` of workflows and planners (contract: ctx).

Every call takes a path when the method is called, so that a later run finds the recorded answer under it.
In `def` a method answers at once; in `async def` it gives something to await.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import random
import threading
import uuid
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any, Protocol

from ledger import Retry, Tool, get_tool
from ledger.canonical import jsonable

from . import clock
from .asking import Decision, approval_wish, wait_spec
from .awaitable import awaitable
from .core.names import check_id, deadline, seconds
from .core.playback import Wish
from .promises import model_request
from .secrecy import SecretInArguments, forbidden, kept


class Backend(Protocol):
    """Who answers: the store and the world for a live step, the record alone for a replay."""

    is_async: bool

    def ask(self, wish: Wish, *, timeout: float | None = None, retry: Retry | None = None) -> Any: ...
    async def ask_async(
        self,
        wish: Wish,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - of the call that is asked for, not of the asking
        retry: Retry | None = None,
    ) -> Any: ...
    def reading(self, path: str, kind: str, make: Callable[[], Any]) -> Any: ...
    def gather(self, works: Sequence[Callable[[], Any]]) -> list[Any]: ...
    async def gather_async(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]: ...
    def replaying(self) -> bool: ...
    def recorded(self, path: str) -> bool: ...


class Foreign(RuntimeError):
    """A ctx call from a thread or task that the workflow made itself: use ctx.gather (step contract)."""


class _Scope:
    """A counter of its own for every function body: the workflow, a gather arm, a child coroutine."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.count = 0
        self.owner: object = _whoami()

    def next(self) -> str:
        if self.owner is not _whoami():
            raise Foreign(
                f"ctx was called under {self.prefix} from a task or thread that the workflow started by itself; "
                "run things side by side with ctx.gather(…)"
            )
        path = f"{self.prefix}/{self.count}"
        self.count += 1
        return path


def _whoami() -> object:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return task or threading.current_thread()


_scope: ContextVar[_Scope] = ContextVar("aetheris_scope")


class Later:
    """`ctx.later.tool(…)`: a call that is described now and made by `ctx.gather`."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


class _LaterMaker:
    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def __getattr__(self, name: str) -> Callable[..., Later]:
        if name not in ("tool", "llm", "sleep", "signal", "receive", "approval", "child", "send"):
            raise AttributeError(f"ctx.later has no {name!r}: it describes tool, llm, sleep, signal, receive, "
                                 "approval, child and send calls")  # fmt: skip
        method = getattr(self._ctx, name)
        return lambda *args, **kwargs: Later(lambda: method(*args, **kwargs))


class _QuietLog(logging.LoggerAdapter[logging.Logger]):
    """Says nothing while answers come from the record: it was said then."""

    def __init__(self, backend: Backend, node: str) -> None:
        super().__init__(logging.getLogger("aetheris.workflow"), {"node": node})
        self._backend = backend

    def isEnabledFor(self, level: int) -> bool:
        return not self._backend.replaying() and super().isEnabledFor(level)


class Context:
    """The `ctx` of one step. `state` is a dict kept with the job; `log` is quiet while the past is played again."""

    def __init__(self, backend: Backend, node: str, state: dict[str, Any]) -> None:
        self._backend = backend
        self.state = state
        self.later = _LaterMaker(self)
        self.log = _QuietLog(backend, node)
        _scope.set(_Scope(node))

    # --- calls ---------------------------------------------------------------------------------------

    def tool(self, t: Tool | str, /, **args: Any) -> Any:
        """Call a tool through the ledger. Raises CallFailed when it ends without a result."""
        tool = get_tool(t if isinstance(t, str) else t.name)
        return self._ask("tool", tool.name, jsonable(args))

    def llm(
        self, model: str, messages: Any, tools: Sequence[Any] = (), output: Any = None, *,
        timeout: float | str | None = None, retry: Retry | None = None, **params: Any,
    ) -> Any:  # fmt: skip
        """Ask a model; gives `{text, output, tool_calls, usage, model}`. It never calls tools itself."""
        schema = output.model_json_schema() if hasattr(output, "model_json_schema") else output
        request = model_request(
            model, jsonable(messages), tools=tools, output=schema, params=jsonable(params)
        )
        limit = None if timeout is None else seconds(timeout)
        return self._ask("llm", "aetheris.llm", request, timeout=limit, retry=retry)

    def child(self, agent: str, goal: Any) -> Any:
        """Run another agent as a child job; gives its output."""
        plain = jsonable(goal)
        return self._ask("child", agent, {"goal": plain}, {"goal": plain})

    def send(self, instance: str | uuid.UUID, body: Any, *, not_before: Any = None) -> Any:
        """Send a message to an agent instance, by name or id; gives the id of the job that it becomes.

        It leaves once, whatever happens to this step, and waits for no answer. Raises CallFailed where there is no such
        instance, or its agent takes no such message.
        """
        when = None if not_before is None else deadline(not_before)
        asked = {"goal": jsonable(body), "not_before": when}
        return self._ask("send", str(instance), asked, asked)

    # --- waits ---------------------------------------------------------------------------------------

    def sleep(self, duration: float | str) -> Any:
        """Park for a duration, at the cost of one row."""
        spec = {"seconds": seconds(duration)}
        return self._ask("timer", "", spec, spec)

    def signal(self, name: str, *, deadline: Any = None, on_timeout: str = "fail") -> Any:
        """Wait for a signal; gives its payload. Past the deadline: TimedOut, or None with on_timeout="continue"."""
        spec = wait_spec(deadline, on_timeout)
        return self._ask("signal", check_id(name, "signal name"), spec, spec)

    def receive(self, channel: str, *, deadline: Any = None, on_timeout: str = "fail") -> Any:
        """Wait for a message on a channel; gives its payload."""
        spec = wait_spec(deadline, on_timeout)
        return self._ask("message", check_id(channel, "channel"), spec, spec)

    def approval(self, question: str, show: Any = None, **options: Any) -> Any:
        """Ask people; gives a `Decision` with `.approved`, `.rejected`, `.timed_out`, `["by"]`, `["comment"]`, `["form"]`."""
        args, spec = approval_wish(question, show, **options)
        return self._ask("approval", "", args, spec, wrap=Decision)

    def gather(self, *calls: Any) -> Any:
        """Run calls side by side; gives their results in order, or raises the first failure once all have settled."""
        path = self._path()
        if not self._backend.is_async:
            return self._backend.gather([self._arm(path, index, call) for index, call in enumerate(calls)])
        arms = [self._arm_async(path, index, call) for index, call in enumerate(calls)]
        return self._backend.gather_async(arms)

    # --- readings ------------------------------------------------------------------------------------

    def now(self) -> Any:
        """The time, recorded: an aware datetime."""
        text = self._reading("now", lambda: clock.now().isoformat())
        return self._value(datetime.datetime.fromisoformat(text))

    def random(self) -> Any:
        """A recorded number in [0, 1)."""
        return self._value(self._reading("random", random.random))

    def uuid(self) -> Any:
        """A recorded UUID."""
        return self._value(uuid.UUID(self._reading("uuid", lambda: str(uuid.uuid4()))))

    def patched(self, id: str) -> Any:
        """Whether this run takes the new code: true for jobs that reach this point for the first time."""
        scope = self._scope()
        path = (
            f"{scope.prefix}/patched.{check_id(id, 'patch id')}"  # takes no number: old records keep theirs
        )
        seen = self._backend.recorded(f"{scope.prefix}/{scope.count}")
        return self._value(bool(self._backend.reading(path, "patched", lambda: not seen)))

    def progress(self, text: str, fraction: float | None = None) -> Any:
        """Say how far the step is; kept in the history."""
        self._reading("progress", lambda: kept({"text": str(text), "fraction": fraction}))
        return self._value(None)

    # --- inside --------------------------------------------------------------------------------------

    def _scope(self) -> _Scope:
        try:
            return _scope.get()
        except LookupError:
            raise Foreign("ctx was called outside the workflow it belongs to") from None

    def _path(self) -> str:
        return self._scope().next()

    def _value(self, value: Any) -> Any:
        return awaitable(value) if self._backend.is_async else value

    def _reading(self, kind: str, make: Callable[[], Any]) -> Any:
        return self._backend.reading(self._path(), kind, make)

    def _ask(
        self, kind: str, name: str, args: Any, spec: Any = None, *, wrap: Callable[[Any], Any] | None = None,
        timeout: float | None = None, retry: Retry | None = None,
    ) -> Any:  # fmt: skip
        wish = Wish(path=self._path(), kind=kind, name=name, args=args, spec=spec or {})
        self._without_secrets(wish)
        if not self._backend.is_async:
            answer = self._backend.ask(wish, timeout=timeout, retry=retry)
            return wrap(answer) if wrap else answer

        async def wait() -> Any:
            answer = await self._backend.ask_async(wish, timeout=timeout, retry=retry)
            return wrap(answer) if wrap else answer

        return wait()

    def _without_secrets(self, wish: Wish) -> None:
        """What is on record already is not judged again: the policy may have been another then."""
        if self._backend.recorded(wish.path):
            return
        if (why := forbidden(wish.args, f"the arguments of {wish.kind} {wish.name}".rstrip())) is not None:
            raise SecretInArguments(f"{wish.path}: {why}")

    def _arm(self, path: str, index: int, call: Any) -> Callable[[], Any]:
        if not isinstance(call, Later):
            raise TypeError(
                f"ctx.gather in a `def` workflow takes ctx.later.tool(…) and the like; argument {index} is "
                f"{type(call).__name__}: ctx.tool(…) has been made already when gather sees it"
            )

        def run() -> Any:
            token = _scope.set(_Scope(f"{path}/{index}"))
            try:
                return call.make()
            finally:
                _scope.reset(token)

        return run

    async def _arm_async(self, path: str, index: int, call: Any) -> Any:
        _scope.set(_Scope(f"{path}/{index}"))  # each arm is a task with a context of its own
        return await (call.make() if isinstance(call, Later) else call)
