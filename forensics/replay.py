"""Run planner and workflow code again, against the record alone: no tool, no model, no clock, no store.

Every question is compared with the recorded one by path, kind, name and digest of its arguments.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.core.playback import Wish, compare, outcome
from jobs.core.state import JobState


class EndOfRecord(BaseException):
    """The function asks something that was never answered: here the record ends."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass
class Recorded:
    """Answers from a job's record; whatever is not in it ends the run."""

    state: JobState
    node: str
    is_async: bool
    asked: list[str] = field(default_factory=list)
    end: str | None = None

    def state_dict(self) -> dict[str, Any]:
        """The job's state dict as the step first saw it."""
        seen = self.state.nodes[self.node].seen
        return copy.deepcopy(dict(seen.items())) if seen is not None else {}

    def ask(self, wish: Wish, *, timeout: float | None = None, retry: Any = None) -> Any:
        """The recorded answer. Raises NonDeterminism for another question, EndOfRecord where there is none."""
        asked = self.state.calls.get(wish.path)
        if asked is None:
            self.end = wish.path
            raise EndOfRecord(wish.path)
        compare(wish, asked)
        self.asked.append(wish.path)
        if not asked.settled:
            self.end = wish.path
            raise EndOfRecord(wish.path)
        return outcome(asked)

    async def ask_async(self, wish: Wish, *, timeout: float | None = None, retry: Any = None) -> Any:  # noqa: ASYNC109
        """The same for `async def`: the other arms may still have recorded answers, so this one just stays open."""
        try:
            return self.ask(wish)
        except EndOfRecord:
            await asyncio.Future()

    def reading(self, path: str, kind: str, make: Callable[[], Any]) -> Any:
        """The recorded reading."""
        return self.ask(Wish(path=path, kind=kind, name="", args=None, spec={}))

    def recorded(self, path: str) -> bool:
        """Whether something was asked under this path."""
        return path in self.state.calls

    def replaying(self) -> bool:
        """Always: nothing here is new."""
        return True

    def gather(self, works: Sequence[Callable[[], Any]]) -> list[Any]:
        """One arm after the other; the record knows their answers."""
        ends: list[tuple[BaseException | None, Any]] = []
        for work in works:
            try:
                ends.append((None, work()))
            except (Exception, EndOfRecord) as error:
                ends.append((error, None))
        return _results(ends)

    async def gather_async(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """All arms as tasks, as they ran."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            for task in tasks:
                task.cancel()
        return _results([(end if isinstance(end, BaseException) else None, end) for end in ends])


def _results(ends: Sequence[tuple[BaseException | None, Any]]) -> list[Any]:
    errors = [error for error, _ in ends if error is not None]
    for kind in (Exception, BaseException):
        for error in errors:
            if isinstance(error, kind):
                raise error
    return [value for _, value in ends]


def run(recorded: Recorded, body: Callable[[Any], Any], make_ctx: Callable[[], Any]) -> Any:
    """Run a function against the record to its end.

    Raises:
        EndOfRecord: it asks something that was never answered.
        NonDeterminism: it asks something else than was recorded.
    """
    if not recorded.is_async:
        return body(make_ctx())
    return asyncio.run(_run_async(recorded, body, make_ctx))


async def _run_async(recorded: Recorded, body: Callable[[Any], Any], make_ctx: Callable[[], Any]) -> Any:
    async def go() -> Any:
        return await body(make_ctx())

    task = asyncio.ensure_future(go())
    idle = 0
    while not task.done() and idle < 10:  # nothing here waits for the world: what is idle stays idle
        await asyncio.sleep(0)
        idle = idle + 1 if recorded.end is not None else 0
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        raise EndOfRecord(recorded.end or "")
    return task.result()
