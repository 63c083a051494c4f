"""Places where a test may make this process die or stop; without AETHERIS_CRASH they do nothing."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

VARIABLE = "AETHERIS_CRASH"
HOLD_VARIABLE = "AETHERIS_CRASH_HOLD"  # a file: while it exists, the thread that is held waits
EXIT_STATUS = 70
REFUSED_STATUS = 71  # it was to stand still inside a transaction

# Every place there is, in the order in which a step, the sweep and a process come by.
STEP = (
    "before_claim", "before_promise", "after_claim", "after_promise", "before_call", "after_call", "before_outcome",
    "after_outcome",
)  # fmt: skip
TRANSACTION = (
    "in_append",
    "before_commit",
    "before_joint_commit",
    "in_prune",
)  # the head has moved; everything is written
DOOR = (
    *TRANSACTION, "after_commit", "after_joint_commit", "after_commit_before_knock", "after_birth_before_knock",
)  # fmt: skip
SWEEP = ("in_bury", "in_release", "in_tick", "in_place", "before_delivery", "after_tick")
KEEPING = ("after_archive", "after_prune")  # a retention policy takes a job away
PROCESS = ("before_answer", "in_drain", "in_goodbye")
POINTS = frozenset((*STEP, *DOOR, *SWEEP, *KEEPING, *PROCESS))
_FORM = re.compile(r"([A-Za-z0-9_.-]+):([1-9][0-9]*)(?::(KILL|STOP|EXIT|HOLD))?")
_STANDS_STILL = ("STOP", "HOLD")


@dataclass
class Plan:
    """Die at the `passage`-th passing of the point `name`, counted over all threads."""

    name: str
    passage: int
    action: str
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_due(self) -> bool:
        """Count one passage and say whether it is the one."""
        with self.lock:
            self.passed += 1
            return self.passed == self.passage


def parse(text: str | None) -> Plan | None:
    """Read `"name:n"` or `"name:n:KILL|STOP|EXIT|HOLD"` (KILL if left out); None or "" means off.

    Raises:
        ValueError: the text has another form, there is no such point, or the process would stand still inside a
            transaction; a fault test that silently tests nothing is worse.
    """
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{VARIABLE} is {text!r}; write "name:n" or "name:n:KILL", "name:n:STOP", "name:n:EXIT", "name:n:HOLD"'
        )
    if found[1] not in POINTS:
        raise ValueError(f"{VARIABLE} is {text!r}; the points are {', '.join(sorted(POINTS))}")
    if found[1] in TRANSACTION and found[3] in _STANDS_STILL:
        raise ValueError(f"{VARIABLE} is {text!r}; {found[1]} is inside a transaction, whose locks {_WHOSE}")
    return Plan(found[1], int(found[2]), found[3] or "KILL")


_WHOSE = "nobody else would get while it stands still"
_plan = parse(os.environ.get(VARIABLE))


def crashpoint(name: str) -> None:
    """Mark a place by name; a test process told to do so dies or stops here."""
    if _plan is not None and _plan.name == name and _plan.is_due():
        _act(_plan.action)


def watched(*names: str) -> bool:
    """Whether this process was told to die or stop at one of these points, sooner or later."""
    return _plan is not None and _plan.name in names


def _act(action: str) -> NoReturn | None:
    if action == "EXIT":
        os._exit(EXIT_STATUS)
    if action in _STANDS_STILL and _in_a_transaction():
        os.write(2, f"{VARIABLE}: refused to stop inside a transaction, whose locks {_WHOSE}\n".encode())
        os._exit(REFUSED_STATUS)
    if action == "HOLD":
        _hold(Path(os.environ[HOLD_VARIABLE]))
        return None
    os.kill(os.getpid(), signal.SIGSTOP if action == "STOP" else signal.SIGKILL)
    return None


def _in_a_transaction() -> bool:
    """Whether this thread has one open. Without Django there is none."""
    database = sys.modules.get("django.db")
    if database is None:
        return False
    return any(each.in_atomic_block for each in database.connections.all(initialized_only=True))


def _hold(gate: Path) -> None:
    """Keep this one thread here, and say so, until somebody removes the gate; the others go on."""
    gate.with_suffix(".reached").touch()
    while gate.exists():
        time.sleep(0.01)
