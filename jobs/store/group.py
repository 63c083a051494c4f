"""Group commit: what several threads of this process want of one job at the same moment is written in one commit.

Commits of a job queue for its lock. Whoever has it takes along what waits behind it; the others find theirs done.
A group is written as one wish of many commands, so it is atomic like any other. Who would be refused in it is left out;
if it is refused all the same, nothing was written, and each goes by itself: nobody's refusal is told to somebody else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..core.commands import At, Command
from ..core.decide import decide
from ..core.errors import Refused
from ..core.events import Fact
from ..core.state import JobState

if TYPE_CHECKING:
    from .reading import Entry

_T = TypeVar("_T")
AT_LAST = 1.0  # seconds after which a commit waits for the lock itself, come what may
MOST = 16  # wishes in one commit: its statement is planned for so many lines of the ledger


class Looked(NamedTuple):
    """Where some commands lead from one state: a commit that begins with them goes on from there, and decides nothing twice."""

    before: JobState
    commands: tuple[Command, ...]
    at: At
    after: JobState
    facts: tuple[Fact, ...]


def look_at(before: JobState, commands: Sequence[Command], at: At, seen: Looked | None = None) -> Looked:
    """Where commands lead, each judged on what the ones before it lead to.

    Args:
        before: the state that they begin at.
        commands: what is wished for.
        at: the moment and the dice to judge with.
        seen: where the first of them lead, if somebody has looked; it counts if it begins at this very state.

    Raises:
        Refused: one of them is not granted.
    """
    state, facts, left = before, list[Fact](), commands
    if seen is not None and seen.before is before and tuple(commands[: len(seen.commands)]) == seen.commands:
        at, state, facts, left = seen.at, seen.after, [*seen.facts], commands[len(seen.commands) :]
    for each in left:
        draft = decide(state, each, at)
        state = draft.state
        facts.extend(draft.facts)
    return Looked(before, tuple(commands), at, state, tuple(facts))


class Wish(NamedTuple):
    """What one commit is to do."""

    commands: tuple[Command, ...]
    worker: str | None = None
    delivery: str | None = None
    now: datetime | None = None
    seen: Looked | None = None  # where its first commands lead, as somebody has looked


class Committed(NamedTuple):
    """What a commit led to: the job's state after it, and the facts that were appended (perhaps none).

    Where commits of other threads were written with it, both are those of all of them.
    """

    state: JobState
    facts: tuple[Fact, ...]


@dataclass(eq=False, slots=True)
class Asked:
    """One caller's commit, in the queue of its job until somebody writes it or takes it up alone."""

    wish: Wish
    patience: Callable[[], bool] | None = None
    alone: bool = False  # it was in a group that was refused
    done: Committed | None = None
    error: BaseException | None = None
    turn: threading.Event = field(default_factory=threading.Event)  # it is settled, or nobody is before it

    @property
    def settled(self) -> bool:
        """Whether somebody has carried it out."""
        return self.done is not None or self.error is not None

    def settle(self, done: Committed | None = None, error: BaseException | None = None) -> None:
        """Tell what became of it."""
        self.done, self.error = done, error
        self.turn.set()

    def goes_alone(self) -> None:
        """It is not written in this group, nor in another one."""
        self.alone = True
        self.turn.set()


def in_its_turn(known: Entry, mine: Asked, carry_out: Callable[[], _T]) -> _T | None:
    """Carry a commit out under the job's lock, unless somebody else has done so by then.

    Only the first in the queue waits for the lock itself: whoever has been written goes on, and does not wait for those
    who came after it.

    Args:
        known: the job.
        mine: the commit.
        carry_out: how.
    """
    known.asked.append(mine)
    try:
        if not known.lock.acquire(blocking=False):
            if not _is_first(known, mine):
                mine.turn.wait(AT_LAST)
            if mine.settled:
                return None
            known.lock.acquire()
        try:
            return None if mine.settled else carry_out()
        finally:
            known.lock.release()
    finally:
        _leave(known, mine)


def _is_first(known: Entry, mine: Asked) -> bool:
    waiting = list(known.asked)
    return not waiting or waiting[0] is mine


def _leave(known: Entry, mine: Asked) -> None:
    """It waits no more; whoever is the first now waits for the lock."""
    if mine in known.asked:
        known.asked.remove(mine)
    for each in list(known.asked)[:1]:
        each.turn.set()


def company(known: Entry, mine: Asked) -> list[Asked]:
    """This caller's commit and those that can be written with it, taken out of the queue; needs the job's lock.

    Those that wait out an outage and those that do not are not mixed, nor are two workers.
    """
    if len(known.asked) == 1 and known.asked[0] is mine:
        return [known.asked.popleft()]
    waiting = [each for each in list(known.asked) if each is not mine and _goes_with(mine, each)]
    workers = (each.wish.worker for each in (mine, *waiting))
    worker = next((each for each in workers if each is not None), None)
    chosen = [each for each in waiting if each.wish.worker in (None, worker)][: MOST - 1]
    chosen = [
        each for each in list(known.asked) if each is mine or each in chosen
    ]  # in the order of their coming
    for each in chosen:
        known.asked.remove(each)
    return chosen


def _goes_with(mine: Asked, other: Asked) -> bool:
    return _joins(mine) and _joins(other) and (mine.patience is None) == (other.patience is None)


def _joins(asked: Asked) -> bool:
    return not asked.alone and asked.wish.delivery is None and asked.wish.now is None


def granted(before: JobState, group: Sequence[Asked], at: At) -> tuple[list[Asked], Wish]:
    """Those of a group that are granted one after the other, and what they wish for together; the others are to go alone."""
    chosen, commands, state, facts = list[Asked](), list[Command](), before, list[Fact]()
    for each in group:
        try:
            led = look_at(state, each.wish.commands, at)
        except Refused:  # perhaps only on what this process knows
            each.goes_alone()
            continue
        chosen.append(each)
        commands += each.wish.commands
        state = led.after
        facts += led.facts
    workers = {each.wish.worker for each in chosen} - {None}
    seen = Looked(before, tuple(commands), at, state, tuple(facts))
    return chosen, Wish(tuple(commands), workers.pop() if workers else None, seen=seen)
