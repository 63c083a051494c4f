"""Toy tools and agents, written only from the contract, that tests of the engine share."""

from tests.agents import flows, graphs, tools

__all__ = ["flows", "graphs", "tools"]
