"""What the processes needed: memory and threads over time, and what they complained of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psutil

from tests.fatal.chaos.stack import Stack

MEGABYTE = 1024 * 1024
_LAST = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Timeout|Refused|Warning|Busy|Fenced)\w*)\b"
)


class Health:
    """Samples of every worker."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.most: dict[str, tuple[float, int]] = {}  # process -> most memory in MB, most threads
        self.last: dict[str, tuple[float, int]] = {}

    def sample(self) -> None:
        """Look at every worker now."""
        for part in list(self.stack.parts.values()):
            if part.running is None or not part.name.startswith("worker"):
                continue
            try:
                process = psutil.Process(part.running.pid)
                now = (process.memory_info().rss / MEGABYTE, process.num_threads())
            except psutil.Error:
                continue
            name = f"{part.name}.{part.lives}"
            before = self.most.get(name, (0.0, 0))
            self.most[name] = (max(before[0], now[0]), max(before[1], now[1]))
            self.last[name] = now

    def to_json(self) -> dict[str, Any]:
        """The most and the last that any worker needed."""
        return {
            "memory_mb_most": round(max((most[0] for most in self.most.values()), default=0.0), 1),
            "threads_most": max((most[1] for most in self.most.values()), default=0),
            "threads_at_the_end": max(
                (now[1] for name, now in self.last.items() if "fresh" in name), default=0
            ),
        }


def complaints(logs: Iterable[Path]) -> dict[str, int]:
    """Tracebacks in the logs, by the exception that ends them."""
    found: Counter[str] = Counter()
    for log in logs:
        who = log.name.split(".")[0].rstrip("0123456789")
        found.update(f"{who}: {error}" for error in _errors(log.read_text(errors="replace").splitlines()))
    return dict(sorted(found.items()))


def _errors(lines: Iterable[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        if line.startswith("Traceback (most recent call last)"):
            inside = True
        elif inside and (last := _LAST.match(line)):
            inside = False
            yield last[1]
