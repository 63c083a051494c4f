"""The one door: every change of a job is a command committed here (Laws L1, L3)."""

from .door import Committed, JobBusy, commit, create
from .reading import load, state_of

__all__ = ["Committed", "JobBusy", "commit", "create", "load", "state_of"]
