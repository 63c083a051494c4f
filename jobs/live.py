"""Answers for a step that runs now: from the record, or from the world through the ledger."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ledger import Retry, Tool, get_tool
from ledger.canonical import jsonable
from ledger.crashpoints import crashpoint
from ledger.services import Taken

from . import calls, clock, loop, store
from .calls import Claim
from .context import Context
from .core.commands import AwaitEffect, Call, Command, FailCall, Record, RefuseNode, Release
from .core.errors import Fenced, Illegal
from .core.moments import text
from .core.playback import Wish, compare, outcome
from .core.state import Asked, JobState
from .promises import promise_again, promise_for

GATHER_THREADS = 32


class Parked(BaseException):
    """The step can go no further now. User code must not catch it (step contract)."""


class Drained(BaseException):
    """The process stops, or the job is paused: the step is given back before its next call."""


class Stopped(BaseException):
    """The job is ending, or the claim is over: the step is dropped."""


class ParkCaught(RuntimeError):
    """The function went on although a wait had parked it."""


Work = Callable[[], Any] | tuple[Tool, JobState, str, float]


class Live:
    """One run of a step's function under a claim."""

    def __init__(self, claim: Claim, *, is_async: bool) -> None:
        self.claim = claim
        self.is_async = is_async
        self.state = JobState()
        self.blocked: set[str] = set()
        self.held: dict[str, AwaitEffect] = {}
        self.active = 0
        self._readings: list[tuple[str, str, Any]] = []
        self._lock = threading.RLock()
        self._stuck = asyncio.Event()
        self._fresh = False

    # --- the run -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Look at the record before the function runs (again)."""
        self.state = store.load(self.claim.job)
        if self.state.claim(self.claim.node, self.claim.fence) is None:
            raise Stopped(f"the claim of step {self.claim.node} is over")
        self.blocked, self.held, self._fresh = set(), {}, False
        self._readings.clear()

    def state_dict(self) -> dict[str, Any]:
        """The job's state dict as this step first saw it; the function changes its own copy."""
        seen = self.state.nodes[self.claim.node].seen
        return copy.deepcopy(dict(seen.items())) if seen is not None else {}

    def replaying(self) -> bool:
        """Whether the function has not yet asked anything new."""
        return not self._fresh

    def recorded(self, path: str) -> bool:
        """Whether something was asked under this path before."""
        return path in self.state.calls

    def not_parked(self) -> None:
        """Refuse a return after a park was caught."""
        if self.blocked:
            raise ParkCaught(
                f"step {self.claim.node} caught the park of {', '.join(sorted(self.blocked))}; a workflow must let "
                "BaseException pass (step contract)"
            )

    def end_of(self, ctx: Context, result: Any) -> Command:
        """The command that a returned value means."""
        from .workflows import ending

        return ending(self.claim, self.state.nodes[self.claim.node].kind, result, self._delta(ctx))

    def _delta(self, ctx: Context) -> dict[str, Any]:
        before = self.state_dict()
        after = jsonable(dict(ctx.state))
        changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
        dropped = sorted(key for key in before if key not in after)
        delta: dict[str, Any] = {"set": changed} if changed else {}
        return {**delta, "drop": dropped} if dropped else delta

    def write_end(self, wish: Command) -> None:
        """Write how the step ended, with the readings that nothing else has written yet."""
        self._commit(wish)

    def release(self) -> bool:
        """Park the step on what it lacks; False if an answer has come meanwhile and it should run again."""
        blocked = tuple(sorted(self.blocked))
        held = [self.held[path] for path in blocked if path in self.held]
        wish: Command = held[0] if held else Release(node=self.claim.node, fence=self.claim.fence, blocked=blocked)
        self._commit(wish)
        return self.state.claim(self.claim.node, self.claim.fence) is None

    # --- questions -----------------------------------------------------------------------------------

    def ask(self, wish: Wish, *, timeout: float | None = None, retry: Retry | None = None) -> Any:
        """The answer; parks the step where there is none yet."""
        talk = self._talk(wish, timeout, retry)
        value, error = None, None
        while True:
            try:
                work = talk.throw(error) if error is not None else talk.send(value)
            except StopIteration as end:
                return end.value
            value, error = None, None
            try:
                value = work() if callable(work) else calls.act(self.claim, *work)
            except BaseException as raised:
                error = raised

    async def ask_async(self, wish: Wish, *, timeout: float | None = None, retry: Retry | None = None) -> Any:  # noqa: ASYNC109
        """The answer, from the event loop; suspends where there is none yet."""
        asked = self.state.calls.get(wish.path)
        if asked is not None and asked.settled:
            compare(wish, asked)
            return outcome(asked)
        self.active += 1
        try:
            return await self._talk_async(self._talk(wish, timeout, retry))
        except Parked:
            pass
        finally:
            self.active -= 1
            self._look()
        await asyncio.Future()  # until the whole run is cancelled

    async def _talk_async(self, talk: Generator[Work, Any, Any]) -> Any:
        value, error = None, None
        while True:
            try:
                work = talk.throw(error) if error is not None else talk.send(value)
            except StopIteration as end:
                return end.value
            value, error = None, None
            try:
                value = await (loop.in_thread(work) if callable(work) else calls.act_async(self.claim, *work))
            except BaseException as raised:
                error = raised

    def _talk(self, wish: Wish, timeout: float | None, retry: Retry | None) -> Generator[Work, Any, Any]:
        """What has to be done for an answer, one piece of blocking work at a time."""
        asked = self.state.calls.get(wish.path)
        if asked is not None:
            compare(wish, asked)
            if asked.settled:
                return outcome(asked)
        else:
            self._fresh = True
        if wish.kind in ("tool", "llm"):
            return (yield from self._call(wish, timeout, retry))
        if asked is None:
            yield lambda: self._commit(self._call_wish(wish))
        return self._settled(wish.path)

    def _settled(self, path: str) -> Any:
        asked = self.state.calls.get(path)
        if asked is not None and asked.settled:
            return outcome(asked)
        self.blocked.add(path)
        raise Parked(path)

    def _call(self, wish: Wish, timeout: float | None, retry: Retry | None) -> Generator[Work, Any, Any]:
        tool = get_tool(wish.name)
        limit = timeout or tool.timeout
        while True:
            asked = self.state.calls.get(wish.path)
            if asked is not None and asked.settled:
                return outcome(asked)
            if asked is not None and asked.status == "unknown":
                yield from self._probe(tool, asked)
                continue
            if not self._may_call(asked):
                return self._settled(wish.path)
            made = yield lambda: self._promise(wish, tool, limit, retry)
            if not made:
                return self._settled(wish.path)
            attempt = self.state.calls[wish.path].attempt
            told = yield (tool, self.state, wish.path, limit)
            yield lambda: self._tell(wish.path, attempt, told)  # noqa: B023 - run before the next turn
            crashpoint("after_outcome")
            if self.state.calls[wish.path].status == "again":  # not sent: this process stops
                raise Drained(f"call {wish.path} was not sent")

    def _may_call(self, asked: Asked | None) -> bool:
        if asked is None or asked.status in ("again", "lost"):
            return True
        return asked.status == "backoff" and (asked.wake_at or "") <= text(clock.now())

    def _promise(self, wish: Wish, tool: Tool, limit: float, retry: Retry | None) -> bool:
        asked = self.state.calls.get(wish.path)
        if asked is None:
            promise = promise_for(self.state, wish.path, tool, wish.args, timeout=limit, retry=retry)
        else:
            promise = promise_again(self.state, asked, tool, limit)
        call = self._call_wish(wish, promise)
        crashpoint("before_promise")
        try:
            self._commit(call)
            return True
        except Taken as taken:
            instead = calls.instead(self.claim, promise, wish.path, taken, call)
        if isinstance(instead, RefuseNode):
            fields = {"node": call.node, "fence": call.fence, "path": call.path, "kind": call.kind, "name": call.name}
            self._commit(FailCall(args=call.args, error=instead.error, **fields))
        elif isinstance(instead, AwaitEffect):
            self.held[wish.path] = instead
        else:
            self._commit(instead)
        return False

    def _probe(self, tool: Tool, asked: Asked) -> Generator[Work, Any, None]:
        due = asked.wake_at is not None and asked.wake_at <= text(clock.now())
        if tool.probe_fn is None or not due:
            self.blocked.add(asked.path)
            raise Parked(asked.path)
        answer = yield lambda: calls.probe(self.claim, tool, self.state, asked.path)
        yield lambda: self._commit(answer)

    def _tell(self, path: str, attempt: int, told: Any) -> None:
        crashpoint("before_outcome")
        try:
            self._commit(calls.tell(self.claim, path, attempt, told))
        except Stopped:
            calls.tell_late(self.claim.job, path, attempt, self.claim.fence, told)
            raise

    def _call_wish(self, wish: Wish, promise: Any = None) -> Call:
        return Call(
            node=self.claim.node, fence=self.claim.fence, path=wish.path, kind=wish.kind, name=wish.name,
            args=wish.args, promise=promise, spec=dict(wish.spec),
        )  # fmt: skip

    # --- readings and commits ------------------------------------------------------------------------

    def reading(self, path: str, kind: str, make: Callable[[], Any]) -> Any:
        """A recorded reading, or a new one that is written with the next commit."""
        asked = self.state.calls.get(path)
        if asked is not None:
            compare(Wish(path=path, kind=kind, name="", args=None, spec={}), asked)
            return asked.value
        value = make()
        with self._lock:
            self._fresh = True
            self._readings.append((path, kind, value))
        return value

    def _commit(self, *wishes: Command) -> None:
        if self.claim.me.draining and any(isinstance(wish, Call) for wish in wishes):
            raise Drained("this worker drains")
        with self._lock:
            readings = tuple(self._readings)
        first = (Record(node=self.claim.node, fence=self.claim.fence, readings=readings),) if readings else ()
        try:
            done = self.claim.commit(*first, *wishes)
        except Fenced as fenced:
            raise Stopped(str(fenced)) from fenced
        except Illegal as illegal:
            if illegal.code == "job_paused":
                raise Drained(str(illegal)) from illegal
            if illegal.code in ("job_ending", "job_ended"):
                raise Stopped(str(illegal)) from illegal
            raise
        with self._lock:
            self._readings = self._readings[len(readings) :]
            if done.state.seq >= self.state.seq:
                self.state = done.state

    # --- side by side --------------------------------------------------------------------------------

    def gather(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run the arms in threads; park only once all that can run has run."""
        if not works:
            return []
        with ThreadPoolExecutor(min(len(works), GATHER_THREADS), thread_name_prefix="aetheris-arm") as pool:
            futures = [pool.submit(contextvars.copy_context().run, _caught, work) for work in works]
            ends = [future.result() for future in futures]
        return _results(ends)

    async def gather_async(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Run the arms as tasks."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        return _results([(end if isinstance(end, BaseException) else None, end) for end in ends])

    def _look(self) -> None:
        if self.active == 0 and self.blocked:
            self._stuck.set()

    async def run_async(self, fn: Callable[..., Coroutine[Any, Any, Any]], args: Mapping[str, Any]) -> Command:
        """Run an `async def` until it ends, or until everything that it waits for has to come from outside."""
        self._stuck = asyncio.Event()

        async def body() -> Command:
            ctx = Context(self, self.claim.node, self.state_dict())
            result = await fn(ctx, **args)
            return self.end_of(ctx, result)

        task = asyncio.ensure_future(body())
        while not task.done():
            stuck = asyncio.ensure_future(self._stuck.wait())
            await asyncio.wait({task, stuck}, return_when=asyncio.FIRST_COMPLETED)
            stuck.cancel()
            for _ in range(3):  # let what was woken by the last answer go on first
                await asyncio.sleep(0)
            if not task.done() and self.active == 0 and self.blocked:
                task.cancel()
                await asyncio.wait({task})
                raise Parked(", ".join(sorted(self.blocked)))
            self._stuck.clear()
        return task.result()


def _caught(work: Callable[[], Any]) -> tuple[BaseException | None, Any]:
    try:
        return None, work()
    except BaseException as error:
        return error, None


def _results(ends: Sequence[tuple[BaseException | None, Any]]) -> list[Any]:
    errors = [error for error, _ in ends if error is not None]
    for kind in (Stopped, Drained, Exception, BaseException):  # a park only when nothing else is to be told
        for error in errors:
            if isinstance(error, kind):
                raise error
    return [value for _, value in ends]

