"""The refund example. Importing it registers the agent and its tools (`AETHERIS_AGENTS=examples.refund`)."""

from examples.refund.agent import refund

__all__ = ["refund"]
