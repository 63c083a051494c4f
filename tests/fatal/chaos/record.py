"""What the players were promised: the audit demands every bit of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Record:
    """Accepted wishes, and what a person decided about unknown outcomes. Shared by the players' threads."""

    jobs: dict[int, str] = field(default_factory=dict)  # order -> job
    signals: set[tuple[str, str]] = field(default_factory=set)  # (job, id)
    votes: set[tuple[str, str]] = field(default_factory=set)  # (approval, actor)
    retries: set[tuple[str, str]] = field(default_factory=set)  # (job, the new job)
    controls: set[tuple[str, str]] = field(default_factory=set)  # (job, pause | resume | cancel)
    resolved: dict[str, str] = field(default_factory=dict)  # invocation -> verdict
    words: Counter[str] = field(default_factory=Counter)  # what the doors said
    broken: list[str] = field(default_factory=list)  # promises that a door itself did not keep
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def said(self, player: str, word: str) -> None:
        """Count an answer."""
        with self.lock:
            self.words[f"{player} {word}"] += 1

    def born(self, number: int, job: str) -> None:
        """A job was accepted; the same order must always be the same job."""
        with self.lock:
            known = self.jobs.setdefault(number, job)
            if known != job:
                self.broken.append(f"order {number} was accepted as job {known} and as job {job}")

    def to_json(self) -> dict[str, Any]:
        """For the auditor and for the folder of a failed run."""
        with self.lock:
            told = {name: value for name, value in vars(self).items() if name != "lock"}
            told |= {name: sorted(told[name]) for name in ("signals", "votes", "controls", "retries")}
            return json.loads(json.dumps(told))  # a copy: tuples become lists
