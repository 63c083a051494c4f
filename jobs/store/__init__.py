"""The one door: every change of a job is a command committed here (Laws L1, L3)."""

from .door import Committed, commit, create
from .jointly import OutOfTime, commit_jointly
from .reading import load, load_cached, recorded, state_of
from .writing import Delivered, WorkerDead

__all__ = [
    "Committed", "Delivered", "OutOfTime", "WorkerDead", "commit", "commit_jointly", "create", "load", "load_cached",
    "recorded", "state_of",
]  # fmt: skip
