"""Run planner and workflow code again, against the record alone: no tool, no model, no clock, no store.

Every question is compared with the recorded one by path, kind, name and digest of its arguments.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from jobs.core.playback import NonDeterminism, OutsideWorld, Wish, compare, outcome
from jobs.core.state import Asked, JobState

QUIET_TURNS = 64  # of the event loop, each of which wakes one more storey of nested arms
PATIENCE = (
    200  # looks, a twentieth of a second apart, at a function that waits for something that is no question
)


class EndOfRecord(BaseException):
    """The function asks something that was never answered: here the record ends."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.path)
        self.wish = wish


@dataclass
class Recorded:
    """Answers from a job's record; whatever is not in it ends the run.

    `end` is the first question without an answer, `unknown` the first that is not on record at all, and `first` the
    first thing that the record refused.
    """

    state: JobState
    node: str
    is_async: bool
    asked: list[str] = field(default_factory=list)
    end: Wish | None = None
    unknown: Wish | None = None
    first: NonDeterminism | OutsideWorld | None = None
    other: Wish | None = None  # the question that `first` refused

    def state_dict(self) -> dict[str, Any]:
        """The job's state dict as the step first saw it."""
        seen = self.state.nodes[self.node].seen
        return copy.deepcopy(dict(seen.items())) if seen is not None else {}

    def refuse(self, outside: OutsideWorld) -> NoReturn:
        """Refuse what the function reached for outside the record, and remember it, should it be caught."""
        self.first = self.first or outside
        raise outside

    def ask(self, wish: Wish, *, timeout: float | None = None, retry: Any = None) -> Any:
        """The recorded answer. Raises NonDeterminism for another question, EndOfRecord where there is none."""
        asked = self.state.calls.get(wish.path)
        if asked is None:
            self.unknown = self.unknown or wish
            self._stop(wish)
        try:
            compare(wish, asked)
        except NonDeterminism as other:
            if self.first is None:
                self.first, self.other = other, wish
            raise
        self.asked.append(wish.path)
        if not asked.settled or self._withdrawn(asked):
            self._stop(wish)
        return outcome(asked)

    def _stop(self, wish: Wish) -> NoReturn:
        self.end = self.end or wish
        raise EndOfRecord(wish)

    def _withdrawn(self, asked: Asked) -> bool:
        """Whether the end of the job closed the question; no run of the function has seen that."""
        votes = self.state.votes.get(asked.path, ())
        return bool(votes) and votes[-1]["effect"] == "withdrawn"

    async def ask_async(self, wish: Wish, *, timeout: float | None = None, retry: Any = None) -> Any:  # noqa: ASYNC109
        """The same for `async def`: the other arms may still have recorded answers, so this one just stays open."""
        try:
            return self.ask(wish)
        except EndOfRecord:
            await asyncio.Future()

    def reading(self, path: str, kind: str, make: Callable[[], Any]) -> Any:
        """The recorded reading. A patch that the record does not know is judged by the record, as in a live run."""
        if kind == "patched" and path not in self.state.calls:
            return make()
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
    """The arms' values. As in a live run a failure is told only when no arm waits any more."""
    errors = [error for error, _ in ends if error is not None]
    for kind in (EndOfRecord, BaseException):
        for error in errors:
            if isinstance(error, kind):
                raise error
    return [value for _, value in ends]


def run(recorded: Recorded, body: Callable[[Any], Any], make_ctx: Callable[[], Any]) -> Any:
    """Run a function against the record to its end.

    Raises:
        EndOfRecord: it asks something that was never answered.
        NonDeterminism: it asks something else than was recorded.
        OutsideWorld: it reaches for the world, or waits for something that is in no record.
    """
    if not recorded.is_async:
        return body(make_ctx())
    return asyncio.run(_run_async(recorded, body, make_ctx))


async def _run_async(recorded: Recorded, body: Callable[[Any], Any], make_ctx: Callable[[], Any]) -> Any:
    async def go() -> Any:
        return await body(make_ctx())

    task = asyncio.ensure_future(go())
    for _ in range(PATIENCE):
        await _calm(recorded, task)
        if task.done():
            return task.result()
        if recorded.end is not None:
            break
        await asyncio.wait({task}, timeout=0.05)  # it waits for what never comes
    task.cancel()
    await asyncio.wait({task})
    if recorded.end is not None:
        raise EndOfRecord(recorded.end)
    return recorded.refuse(OutsideWorld("waiting for something that was not asked through ctx"))


async def _calm(recorded: Recorded, task: asyncio.Task[Any]) -> None:
    """Let the function go on until it has ended, or nothing in it moves any more."""
    quiet, answered = 0, len(recorded.asked)
    while not task.done() and quiet < QUIET_TURNS:
        await asyncio.sleep(0)
        quiet = quiet + 1 if answered == len(recorded.asked) else 0
        answered = len(recorded.asked)
