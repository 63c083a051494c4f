"""A decision in the making: the facts so far and the state they lead to."""

from __future__ import annotations

from typing import Any

from .commands import At
from .errors import Ended, Fenced, Illegal
from .events import Fact
from .evolve import evolve
from .state import JobState, Node


class Draft:
    """Facts that a command leads to. Nothing is real before the store has appended them."""

    def __init__(self, state: JobState, at: At) -> None:
        self.state = state
        self.at = at
        self.facts: list[Fact] = []

    @property
    def now(self) -> str:
        return self.at.now

    def emit(self, type: str, node: str = "", /, **body: Any) -> None:
        """One more fact; the state moves with it."""
        moment = max(self.at.now, self.state.at)
        fact = Fact(type=type, node=node, body=body, seq=self.state.seq + 1, at=moment)
        self.state = evolve(self.state, fact)
        self.facts.append(fact)

    def claimed(self, name: str, fence: int) -> Node:
        """The step under this claim.

        Raises:
            Fenced: another claim holds the step, or none.
        """
        node = self.state.claim(name, fence)
        if node is None or self.state.ended:
            raise Fenced(
                f"job {self.state.job}, step {name}: the claim with fence {fence} is over; "
                "this worker must drop the step"
            )
        return node

    def alive(self, wish: str) -> None:
        """Refuse a wish to a job that has ended.

        Raises:
            Ended: the job has its terminal event.
        """
        if self.state.ended:
            raise Ended(f"job {self.state.job} is {self.state.phase}: it takes no {wish} any more")

    def open(self, wish: str) -> None:
        """Refuse a wish to a job that is ending or has ended."""
        self.alive(wish)
        if self.state.phase != "open":
            raise Illegal(
                f"job {self.state.job} is {self.state.phase}: it starts no {wish}", code="job_ending"
            )

    def is_graph_step(self, path: str) -> bool:
        """Whether the path is a step itself (not a call inside a workflow)."""
        return path in self.state.nodes
