"""A worker process as a room: many steps work in it side by side, or one suspect has it to itself (design §6)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Step = tuple[str, str]  # job, node

PATIENCE = 30.0  # seconds that a worker turns others away before it gives up waiting for them to leave
MOST = 10_000  # steps kept in mind; the sweep knocks again for the others


class Room:
    """Who works here now, which suspect waits to be alone, and whom to call when there is room again.

    A suspect that meets others closes the room to newcomers and waits, outside any thread. It waits `PATIENCE`
    seconds; each wait in vain doubles the next one, so that its turn comes at last. After it, or after a wait in
    vain, others have as much time as they were kept from working before the room is closed again.

    Args:
        now: a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._inside = 0
        self._alone = False
        self._wanted: Step | None = None
        self._closed_at = 0.0
        self._patience = PATIENCE
        self._rest_until = 0.0
        self._kept_waiting = False  # whether an ordinary step was turned away since the room was closed
        self._away: set[Step] = set()
        self._queue: dict[Step, None] = {}

    @property
    def wanted(self) -> Step | None:
        """The suspect that waits until everybody has left."""
        return self._wanted

    @property
    def empty(self) -> bool:
        """Whether nothing runs here and nothing waits to be alone."""
        return self._inside == 0 and self._wanted is None

    @property
    def queued(self) -> bool:
        """Whether something waits for a place on the loop."""
        return bool(self._queue)

    def enter(self, step: Step) -> bool:
        """Let a step in; False if the room is closed: it is kept in mind until it opens again."""
        with self._lock:
            if self._closed:
                self._kept_waiting = True
                self._note(step)
                return False
            self._inside += 1
            return True

    def enter_alone(self, step: Step) -> bool:
        """Let a suspect in if nobody is here; else close the room and wait, unless it was closed just before."""
        with self._lock:
            resting = self._now() < self._rest_until
            if self._inside == 0 and self._wanted in (None, step) and not resting:
                self._closed_at = self._now() if self._wanted is None else self._closed_at
                self._inside, self._alone, self._wanted = 1, True, None
                return True
            if self._closed:
                self._note(step)
            elif not resting:
                self._wanted, self._closed_at = step, self._now()
            return False

    def stay(self) -> None:
        """What is inside goes on beyond its thread: it leaves once more."""
        with self._lock:
            self._inside += 1

    def leave(self) -> None:
        """It is over."""
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._alone:
                self._alone = False
                self._patience = PATIENCE
                self._rest(self._now() - self._closed_at)

    def turn(self) -> Step | None:
        """The suspect whose turn it is now that the room is empty."""
        with self._lock:
            return self._wanted if self._inside == 0 else None

    def dismiss(self) -> None:
        """The suspect that waits need not come any more."""
        with self._lock:
            self._wanted = None

    def tire(self) -> bool:
        """Give up a suspect that has waited too long; whether that was so."""
        with self._lock:
            waited = self._now() - self._closed_at
            if self._wanted is None or waited < self._patience:
                return False
            self._wanted = None
            self._patience *= 2
            self._rest(waited)
            return True

    def called(self) -> set[Step]:
        """Whoever was turned away and may come in now."""
        with self._lock:
            if self._closed:
                return set()
            away, self._away = self._away, set()
            return away

    def forget(self, step: Step) -> None:
        """Somebody else has it."""
        with self._lock:
            self._away.discard(step)

    def queue(self, step: Step) -> None:
        """Keep in mind a step that waits for a place on the process's loop."""
        with self._lock:
            if len(self._queue) < MOST:
                self._queue[step] = None

    def next_in_queue(self) -> Step | None:
        """The step that has waited longest for a place on the loop."""
        with self._lock:
            step = next(iter(self._queue), None)
            if step is not None:
                del self._queue[step]
            return step

    def leftovers(self) -> set[Step]:
        """Everything kept in mind; this process does none of it any more."""
        with self._lock:
            found = self._away | set(self._queue)
            self._away, self._queue, self._wanted = set(), {}, None
            return found

    @property
    def _closed(self) -> bool:
        return self._alone or self._wanted is not None

    def _note(self, step: Step) -> None:
        if len(self._away) < MOST:
            self._away.add(step)

    def _rest(self, seconds: float) -> None:
        """Others come first for as long as they were kept waiting, if anybody was."""
        if self._kept_waiting:
            self._rest_until = self._now() + seconds
        self._kept_waiting = False
