"""A job told as decisions in the order of time, and one step as what it knew and said at each attempt. Pure."""

from .decisions import decisions
from .reasoning import reasoning

__all__ = ["decisions", "reasoning"]
