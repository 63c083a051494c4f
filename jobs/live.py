"""Answers for a step that runs now: from the record, or from the world through the ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from typing import Any

from ledger import Retry, Tool, get_tool
from ledger.crashpoints import crashpoint
from ledger.services import Taken

from . import abreast, calls, clock, limits, loop
from .calls import Claim
from .closed import task_while_strict
from .context import Context
from .core.commands import AwaitEffect, Call, Command, FailCall, RefuseNode, Release
from .core.moments import text
from .core.playback import Wish, outcome
from .core.state import Asked, JobState
from .deadlines import seconds_of
from .interrupts import Drained, ParkCaught, Parked, Stopped
from .promises import CannotStart, promise_again, promise_for
from .recording import Recording
from .sending import addressed

SLICE = 0.5  # seconds of waiting for a rate between two looks at whether the worker drains
QUIET_TURNS = 64  # of the event loop, each of which wakes one more storey of nested arms

# Something that blocks, a promised call to make, or seconds to wait.
Work = Callable[[], Any] | tuple[Tool, JobState, str, float] | float


class Live(Recording):
    """Answers from the record, or from the world through the ledger."""

    def __init__(self, claim: Claim, *, is_async: bool) -> None:
        super().__init__(claim, is_async=is_async)
        self.active = 0
        self._stuck = asyncio.Event()
        self._leaving = False

    def release(self) -> bool:
        """Park the step on what it lacks; False if an answer has come meanwhile and it should run again."""
        held = sorted(path for path in self.blocked if path in self.held)
        others = tuple(sorted(self.blocked - set(held)))
        wish: Command = Release(node=self.claim.node, fence=self.claim.fence, blocked=others or tuple(held))
        if held and not any(self._backs_off(path) for path in others):  # else that time comes first
            wish = self.held[held[0]]
        self._commit(wish)
        return self.state.claim(self.claim.node, self.claim.fence) is None

    def _backs_off(self, path: str) -> bool:
        asked = self.state.calls.get(path)
        return asked is not None and asked.status == "backoff"

    # --- questions -----------------------------------------------------------------------------------

    def ask(self, wish: Wish, *, timeout: float | None = None, retry: Retry | None = None) -> Any:
        """The answer; parks the step where there is none yet."""
        self._refuse_after_a_park(wish.path)
        talk = self._talk(wish, timeout, retry)
        value, error = None, None
        while True:
            try:
                work = talk.throw(error) if error is not None else talk.send(value)
            except StopIteration as end:
                return end.value
            value, error = None, None
            try:
                value = self._do(work)
            except BaseException as raised:
                error = raised

    def _do(self, work: Work) -> Any:
        if isinstance(work, float):
            return time.sleep(work)
        return work() if callable(work) else calls.act(self.claim, *work)

    async def _do_async(self, work: Work) -> Any:
        if isinstance(work, float):
            return await asyncio.sleep(work)
        return await (loop.in_thread(work) if callable(work) else calls.act_async(self.claim, *work))

    def _refuse_after_a_park(self, path: str) -> None:
        """In `def`, a function that asks on below a wait that has parked it has caught the park."""
        scope = path.rpartition("/")[0] + "/"
        caught = {each for each in self.blocked if each.startswith(scope)}
        if caught:
            raise ParkCaught(self.claim.node, caught)

    async def ask_async(self, wish: Wish, *, timeout: float | None = None, retry: Retry | None = None) -> Any:  # noqa: ASYNC109
        """The answer, from the event loop; suspends where there is none yet."""
        if self._leaving:
            raise ParkCaught(self.claim.node, self.blocked)
        asked = self.state.calls.get(wish.path)
        if asked is not None and asked.settled:
            self.compare(wish, asked)
            return outcome(asked)
        self.active += 1
        try:
            return await self._talk_async(self._talk(wish, timeout, retry))
        except Parked:
            answer: asyncio.Future[Any] = asyncio.Future()
        finally:
            self.active -= 1
            self._look()
        return await answer  # never: the whole run is cancelled

    async def _talk_async(self, talk: Generator[Work, Any, Any]) -> Any:
        value, error = None, None
        while True:
            try:
                work = talk.throw(error) if error is not None else talk.send(value)
            except StopIteration as end:
                return end.value
            value, error = None, None
            try:
                value = await self._do_async(work)
            except BaseException as raised:
                error = raised

    def _talk(self, wish: Wish, timeout: float | None, retry: Retry | None) -> Generator[Work, Any, Any]:
        """What has to be done for an answer, one piece of blocking work at a time."""
        self.still_true()
        asked = self.state.calls.get(wish.path)
        if asked is not None:
            self.compare(wish, asked)
            if asked.settled:
                return outcome(asked)
        else:
            self._fresh = True
        if wish.kind in ("tool", "llm"):
            return (yield from self._call(wish, timeout, retry))
        if asked is None:
            yield lambda: self._commit(addressed(self.state, self._call_wish(wish)))
        return self._settled(wish.path)

    def _settled(self, path: str) -> Any:
        asked = self.state.calls.get(path)
        if asked is not None and asked.settled:
            return outcome(asked)
        self.blocked.add(path)
        raise Parked(path)

    def _call(self, wish: Wish, timeout: float | None, retry: Retry | None) -> Generator[Work, Any, Any]:
        tool = get_tool(wish.name)
        limit = seconds_of(tool, timeout)
        while True:
            asked = self.state.calls.get(wish.path)
            if asked is not None and asked.settled:
                return outcome(asked)
            if asked is not None and asked.status == "unknown":
                yield from self._probe(tool, asked)
                continue
            if not self._may_call(asked):
                return self._settled(wish.path)
            yield from self._pace(tool)
            made = yield lambda: self._promise(wish, tool, limit, retry)
            if not made:
                return self._settled(wish.path)
            attempt = self.state.calls[wish.path].attempt
            if tool.effect == "transactional":
                told = yield lambda: self._together(tool, wish.path, limit)
            else:
                told = yield (tool, self.state, wish.path, limit)
            if told is not None:
                yield lambda: self._tell(wish.path, attempt, told)  # noqa: B023 - run before the next turn
            crashpoint("after_outcome")
            if self.state.calls[wish.path].status == "again":  # not sent: this process stops
                raise Drained(f"call {wish.path} was not sent")

    def _pace(self, tool: Tool) -> Generator[Work, Any, None]:
        """Wait for a slot of the tool's rate, before anything is promised."""
        if tool.rate is None:
            return
        free = yield lambda: limits.wait_for(self.state.tenant, tool)
        while free is not None and (left := (free - clock.now()).total_seconds()) > 0:
            if self.claim.me.makes_room():
                raise Drained(f"this worker makes room while {tool.name} waits for its rate")
            yield min(left, SLICE)

    def _may_call(self, asked: Asked | None) -> bool:
        if asked is None or asked.status in ("again", "lost"):
            return True
        return asked.status == "backoff" and (asked.wake_at or "") <= text(clock.now())

    def _promise(self, wish: Wish, tool: Tool, limit: float, retry: Retry | None) -> bool:
        asked = self.state.calls.get(wish.path)
        try:
            if asked is None:
                promise = promise_for(self.state, wish.path, tool, wish.args, timeout=limit, retry=retry)
            else:
                promise = promise_again(self.state, asked, tool, limit)
        except CannotStart as cannot:
            self._fail_call(self._call_wish(wish), cannot.error)
            return False
        call = self._call_wish(wish, promise)
        crashpoint("before_promise")
        try:
            self._commit(call)
            return True
        except Taken as taken:
            instead = calls.instead(self.claim, promise, wish.path, taken, call)
        if isinstance(instead, RefuseNode):
            self._fail_call(call, instead.error)
        elif isinstance(instead, AwaitEffect):
            self.held[wish.path] = instead
        else:
            self._commit(instead)
        return False

    def _fail_call(self, call: Call, error: Mapping[str, Any]) -> None:
        """Record that the call is not made at all, so that every later run sees the same failure."""
        self._commit(
            FailCall(node=call.node, fence=call.fence, path=call.path, kind=call.kind, name=call.name, args=call.args,
                     error=error)
        )  # fmt: skip

    def _probe(self, tool: Tool, asked: Asked) -> Generator[Work, Any, None]:
        due = asked.wake_at is not None and asked.wake_at <= text(clock.now())
        if tool.probe_fn is None or not due:
            self.blocked.add(asked.path)
            raise Parked(asked.path)
        answer = yield lambda: calls.probe(self.claim, tool, self.state, asked.path)
        yield lambda: self.write_answer(answer)

    def _tell(self, path: str, attempt: int, told: Any) -> None:
        crashpoint("before_outcome")
        try:
            self._commit(calls.tell(self.claim, path, attempt, told))
        except Stopped:
            calls.tell_late(self.claim.job, path, attempt, self.claim.fence, told)
            raise
        finally:
            calls.watch_late(self.claim, path)

    def _call_wish(self, wish: Wish, promise: Any = None) -> Call:
        return Call(
            node=self.claim.node, fence=self.claim.fence, path=wish.path, kind=wish.kind, name=wish.name,
            args=wish.args, promise=promise, spec=dict(wish.spec),
        )  # fmt: skip

    # --- side by side --------------------------------------------------------------------------------

    def gather(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run the arms in threads; park only once all that can run has run."""
        return abreast.in_threads(works)

    async def gather_async(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Run the arms as tasks."""
        return await abreast.as_tasks(works)

    async def run_async(
        self, fn: Callable[..., Coroutine[Any, Any, Any]], args: Mapping[str, Any]
    ) -> Command:
        """Run an `async def` until it ends, or until everything that it waits for has to come from outside."""
        self._stuck, self._leaving = asyncio.Event(), False

        async def body() -> Command:
            ctx = Context(self, self.claim.node, self.state_dict())
            with task_while_strict(self.refuse, fn):
                result = await fn(ctx, **args)
            self.active += 1  # a plan is checked against the database, which must not be done on the loop
            try:
                end: Command = await loop.in_thread(self.end_of, ctx, result)
            finally:
                self.active -= 1
            return end

        task = asyncio.ensure_future(body())
        while not task.done():
            stuck = asyncio.ensure_future(self._stuck.wait())
            await asyncio.wait({task, stuck}, return_when=asyncio.FIRST_COMPLETED)
            stuck.cancel()
            if not task.done() and await self._nothing_moves(task):
                await self._leave(task)
            self._stuck.clear()
        return task.result()

    async def _nothing_moves(self, task: asyncio.Task[Command]) -> bool:
        """Whether all arms wait for the outside; what the last answer woke is let go on first, however deep it stands."""
        for _ in range(QUIET_TURNS):
            await asyncio.sleep(0)
            if task.done() or self.active:
                return False
        return bool(self.blocked)

    async def _leave(self, task: asyncio.Task[Command]) -> None:
        self._leaving = True
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            raise ParkCaught(self.claim.node, self.blocked) from task.exception()
        raise Parked(", ".join(sorted(self.blocked)))

    def _look(self) -> None:
        if self.active == 0 and self.blocked:
            self._stuck.set()
