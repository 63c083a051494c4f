"""Places where a test may make this process die or stop; without AETHERIS_CRASH they do nothing."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

VARIABLE = "AETHERIS_CRASH"
HOLD_VARIABLE = "AETHERIS_CRASH_HOLD"  # a file: while it exists, the thread that is held waits
EXIT_STATUS = 70
_FORM = re.compile(r"([A-Za-z0-9_.-]+):([1-9][0-9]*)(?::(KILL|STOP|EXIT|HOLD))?")


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
        ValueError: the text has another form; a fault test that silently tests nothing is worse.
    """
    if not text:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{VARIABLE} is {text!r}; write "name:n" or "name:n:KILL", "name:n:STOP", "name:n:EXIT", "name:n:HOLD"'
        )
    return Plan(found[1], int(found[2]), found[3] or "KILL")


_plan = parse(os.environ.get(VARIABLE))


def crashpoint(name: str) -> None:
    """Mark a place by name; a test process told to do so dies or stops here."""
    if _plan is not None and _plan.name == name and _plan.is_due():
        _act(_plan.action)


def _act(action: str) -> NoReturn | None:
    if action == "EXIT":
        os._exit(EXIT_STATUS)
    if action == "HOLD":
        _hold(Path(os.environ[HOLD_VARIABLE]))
        return None
    os.kill(os.getpid(), signal.SIGSTOP if action == "STOP" else signal.SIGKILL)
    return None


def _hold(gate: Path) -> None:
    """Keep this one thread here, and say so, until somebody removes the gate; the others go on."""
    gate.with_suffix(".reached").touch()
    while gate.exists():
        time.sleep(0.01)
