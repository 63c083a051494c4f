"""How the payment service is told to misbehave: a fault for each door, a gate for hung calls."""

import threading
from dataclasses import asdict, dataclass, replace
from typing import Any

# A door is what a fault applies to: making a refund, taking one back, asking by key, reading an order.
DOORS = ("refund", "reverse", "probe", "order")
# When a mode strikes unless told otherwise: before or after the refund was carried out.
STRIKES = {
    "normal": "before", "slow": "before", "fail": "before", "hang": "after", "drop": "after", "tear": "after",
}  # fmt: skip


class BadFault(ValueError):
    """The description of a fault cannot be understood."""


@dataclass(frozen=True)
class Fault:
    """One way to misbehave.

    `hang` never answers until released, `slow` answers after `seconds`, `fail` answers 500, `drop`
    closes the connection without an answer, `tear` in the middle of one. `times` is how many calls it strikes, None for all.
    """

    mode: str = "normal"
    when: str = "before"
    seconds: float | None = None
    times: int | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Fault":
        """Build a fault from the body of `POST /mode`. Raises BadFault naming the field."""
        unknown = sorted(set(data) - {"mode", "when", "seconds", "times", "on"})
        if unknown:
            raise BadFault(f"unknown field {unknown[0]!r}; known are mode, when, seconds, times, on")
        mode = data.get("mode")
        if not isinstance(mode, str) or mode not in STRIKES:
            raise BadFault(f"mode must be one of {', '.join(STRIKES)}, not {mode!r}")
        when = data.get("when", STRIKES[mode])
        if when not in ("before", "after"):
            raise BadFault(f'when must be "before" or "after" (the refund is carried out), not {when!r}')
        return cls(mode, when, _seconds(data.get("seconds"), mode), _times(data.get("times")))

    def to_json(self) -> dict[str, Any]:
        """Return the fault as `GET /mode` shows it."""
        return asdict(self)


class Faults:
    """The faults now in force, safe to use from many threads."""

    def __init__(self) -> None:
        """Begin with every door normal and nobody waiting."""
        self._lock = threading.Lock()
        self._faults = dict.fromkeys(DOORS, Fault())
        self._gate = threading.Event()
        self._waiting = 0

    def put(self, door: str, fault: Fault) -> None:
        """Put `fault` in force at `door`. Raises BadFault if there is no such door."""
        if door not in DOORS:
            raise BadFault(f"on must be one of {', '.join(DOORS)}, not {door!r}")
        with self._lock:
            self._faults[door] = fault

    def take(self, door: str) -> Fault:
        """Return the fault that strikes the call now at `door`, and use up one of its times."""
        with self._lock:
            fault = self._faults[door]
            if fault.times is not None:
                left = fault.times - 1
                self._faults[door] = replace(fault, times=left) if left else Fault()
            return fault

    def wait(self, seconds: float | None) -> None:
        """Hold the calling thread until `release` or, if given, until `seconds` have passed."""
        with self._lock:
            gate = self._gate
            self._waiting += 1
        try:
            gate.wait(seconds)
        finally:
            with self._lock:
                self._waiting -= 1

    def release(self) -> int:
        """Let every call go on that waits now, and return how many those were. Faults stay in force."""
        with self._lock:
            self._gate.set()
            self._gate = threading.Event()
            return self._waiting

    def to_json(self) -> dict[str, Any]:
        """Return `{modes: {door: fault}, hanging}`; `hanging` counts the calls held right now."""
        with self._lock:
            modes = {door: fault.to_json() for door, fault in self._faults.items()}
            return {"modes": modes, "hanging": self._waiting}


def _seconds(value: Any, mode: str) -> float | None:
    if value is None:
        return 1.0 if mode == "slow" else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise BadFault(f"seconds must be a number from 0 to 86400, not {value!r}")
    return float(value)


def _times(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadFault(f"times must be a whole number from 1, not {value!r}")
    return value
