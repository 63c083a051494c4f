"""Ways in which a running step stops without having ended; none is for user code to catch (step contract)."""

from __future__ import annotations


class Parked(BaseException):
    """The step can go no further now. User code must not catch it (step contract)."""


class Drained(BaseException):
    """The process stops, or the job is paused: the step is given back before its next call."""


class Stopped(BaseException):
    """The job is ending, or the claim is over: the step is dropped."""


class ParkCaught(RuntimeError):
    """The function went on although a wait had parked it."""

    code = "park_caught"

    def __init__(self, step: str, waits: set[str]) -> None:
        super().__init__(
            f"step {step} caught the park of {', '.join(sorted(waits))}; a workflow must let BaseException pass "
            "(step contract)"
        )
