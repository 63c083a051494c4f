"""Toy tools and agents, written only from the contract, that tests of the engine share."""

from tests.agents import desks, flows, graphs, tools

__all__ = ["desks", "flows", "graphs", "tools"]
