"""One run of a step's function under a claim: what is on record, and what the run adds to it."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from ledger import Tool
from ledger.canonical import jsonable

from . import store, together
from .beginning import end
from .calls import Claim
from .context import Context
from .core.commands import Answer, AwaitEffect, Call, Command, Outcome, Record
from .core.errors import Fenced, Illegal, Stale
from .core.playback import NonDeterminism, OutsideWorld, Wish, compare
from .core.state import Asked, JobState
from .endings import ending
from .interrupts import Drained, ParkCaught, Stopped

log = logging.getLogger("aetheris.workflows")


class Recording:
    """The record as this run sees it; `blocked` are the paths that have no answer yet."""

    def __init__(self, claim: Claim, *, is_async: bool) -> None:
        self.claim = claim
        self.is_async = is_async
        self.state = JobState()
        self.blocked: set[str] = set()
        self.held: dict[str, AwaitEffect] = {}
        self.diverged: NonDeterminism | OutsideWorld | None = None
        self._readings: list[tuple[str, str, Any]] = []
        self._lock = threading.RLock()
        self._fresh = False

    def begin(self) -> None:
        """Look at the record, as the claim has left it, before the function runs (again); a commit finds what came since."""
        self.state = store.load_cached(self.claim.job)
        if self.state.claim(self.claim.node, self.claim.fence) is None:
            raise Stopped(f"the claim of step {self.claim.node} is over")
        self.blocked, self.held, self._fresh = set(), {}, False
        self.diverged = None
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
            raise ParkCaught(self.claim.node, self.blocked)

    def compare(self, wish: Wish, asked: Asked) -> None:
        """Refuse another question than the recorded one, and whatever is asked after it, even if that was caught."""
        self.still_true()
        try:
            compare(wish, asked)
        except NonDeterminism as other:
            self.diverged = other
            raise

    def refuse(self, outside: OutsideWorld) -> NoReturn:
        """Refuse what the function reached for around ctx, and whatever is asked after it, even if that was caught."""
        self.diverged = self.diverged or outside
        raise outside

    def still_true(self) -> None:
        """Raise again what the code has caught: it is not on its record any more."""
        if self.diverged is not None:
            raise self.diverged

    def end_of(self, ctx: Context, result: Any) -> Command:
        """The command that a returned value means."""
        self.still_true()
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
        self._commit(wish, by=end)

    def write_answer(self, answer: Answer) -> None:
        """Write what a probe found, unless a person or the call itself was faster: then that holds."""
        try:
            self._commit(answer)
        except Stale as known:
            log.info("%s", known)
            self._now_at(store.load(self.claim.job))

    def reading(self, path: str, kind: str, make: Callable[[], Any]) -> Any:
        """A recorded reading, or a new one that is written with the next commit."""
        asked = self.state.calls.get(path)
        if asked is not None:
            self.compare(Wish(path=path, kind=kind, name="", args=None, spec={}), asked)
            return asked.value
        value = make()
        with self._lock:
            self._fresh = True
            self._readings.append((path, kind, value))
        return value

    def _commit(self, *wishes: Command, by: Callable[..., store.Committed] = Claim.commit) -> None:
        if self.claim.me.makes_room() and any(isinstance(wish, Call) for wish in wishes):
            raise Drained("this worker drains, or a step waits to be alone in it")
        with self._lock:
            readings = tuple(self._readings)
        first = (Record(node=self.claim.node, fence=self.claim.fence, readings=readings),) if readings else ()
        with _interrupting():
            done = by(self.claim, *first, *wishes)
        with self._lock:
            self._readings = [each for each in self._readings if each not in readings]
        self._now_at(done.state)

    def _together(self, tool: Tool, path: str, seconds: float) -> Outcome | None:
        """Make a transactional call; None where its outcome is written already."""
        with _interrupting():
            done = together.act(self.claim, tool, self.state, path, seconds)
        if isinstance(done, Outcome):
            return done
        self._now_at(done.state)
        return None

    def _now_at(self, state: JobState) -> None:
        with self._lock:
            if state.seq >= self.state.seq:
                self.state = state


@contextmanager
def _interrupting() -> Iterator[None]:
    """A refusal that ends the step passes through user code, which catches exceptions (step contract)."""
    try:
        yield
    except Fenced as fenced:
        raise Stopped(str(fenced)) from fenced
    except Illegal as illegal:
        if illegal.code == "job_paused":
            raise Drained(str(illegal)) from illegal
        if illegal.code in ("job_ending", "job_ended"):
            raise Stopped(str(illegal)) from illegal
        raise
