"""The loan example. Importing it registers the agent, its tools and its scripted model (`AETHERIS_AGENTS=examples.loan`)."""

from examples.loan.agent import loan

__all__ = ["loan"]
