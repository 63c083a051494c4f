"""The closed world: code that is run in it reaches no tool, network, file, process, database, clock or die unseen."""

from .guard import closed, task_while_strict, while_strict
from .strictness import forced

__all__ = ["closed", "forced", "task_while_strict", "while_strict"]
