"""The one door: every change of a job is a command committed here (Laws L1, L3)."""

from . import erasure, keeping, mailbox, pruning
from .birth import accept, create
from .door import commit, look
from .group import Committed
from .jointly import OutOfTime, commit_jointly
from .reading import load, load_cached, recorded, state_of
from .writing import Delivered, WorkerDead

__all__ = [
    "Committed", "Delivered", "OutOfTime", "WorkerDead", "accept", "commit", "commit_jointly", "create", "erasure", "keeping", "load",
    "load_cached", "look", "mailbox", "pruning", "recorded", "state_of",
]  # fmt: skip
