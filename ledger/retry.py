"""When a failed call may be made again: the retry policy of a tool or a node, and durations as text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(duration: float | str, what: str = "a duration") -> float:
    """Read a duration: a number of seconds, or text such as `"250ms"`, `"30s"`, `"3d"`.

    Args:
        duration: the value as written by the author.
        what: how an error message names it, e.g. `"timeout of tool 'pay'"`.

    Returns:
        The duration in seconds, finite and never negative.

    Raises:
        ValueError: the value is no duration.
    """
    if isinstance(duration, str):
        found = DURATION.fullmatch(duration)
        number = float(found[1]) * UNITS[found[2]] if found and duration.isascii() else math.nan
    elif isinstance(duration, (int, float)) and not isinstance(duration, bool):
        number = _as_float(duration)
    else:
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise ValueError(
            f"{what} is {duration!r}: write seconds as a number that is finite and not negative, "
            'or text such as "250ms", "30s", "5m", "2h", "3d"'
        )
    return number


def _as_float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:  # an int beyond every float
        return math.inf


@dataclass(frozen=True, init=False)
class Retry:
    """How often and how patiently a call is made again.

    `max_attempts` counts calls, the first one included. After the n-th failed call the wait is
    `backoff * factor ** (n - 1)` seconds, at most `max_backoff`, and then spread by a share of
    `jitter` to either side, so that workers that failed together do not come back together.
    """

    max_attempts: int
    backoff: float
    factor: float
    max_backoff: float
    jitter: float

    def __init__(
        self,
        max_attempts: int = 3,
        backoff: float | str = 0.5,
        factor: float = 2.0,
        max_backoff: float | str = 60.0,
        jitter: float = 0.2,
    ) -> None:
        """Check and keep the policy.

        Raises:
            ValueError: a value is out of range; the message names it.
        """
        if not isinstance(max_attempts, int) or isinstance(max_attempts, bool) or max_attempts < 1:
            raise ValueError(f"Retry: max_attempts is {max_attempts!r}, it must be a whole number from 1")
        checked = {
            "max_attempts": max_attempts,
            "backoff": seconds(backoff, "Retry: backoff"),
            "factor": _within("factor", factor, 1.0, math.inf),
            "max_backoff": seconds(max_backoff, "Retry: max_backoff"),
            "jitter": _within("jitter", jitter, 0.0, 1.0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def delay(self, attempt: int, dice: float) -> float:
        """Seconds to wait after a failed call.

        Args:
            attempt: number of the call that failed, from 1.
            dice: a throw in [0, 1), made by the caller because this module knows no chance.

        Returns:
            The wait, within `jitter` of `min(max_backoff, backoff * factor ** (attempt - 1))`.

        Raises:
            ValueError: `attempt` is below 1 or `dice` outside [0, 1).
        """
        if attempt < 1 or not 0.0 <= dice < 1.0:
            raise ValueError(f"Retry.delay: attempt {attempt!r} must be from 1, dice {dice!r} in [0, 1)")
        return self._base(attempt) * (1.0 + self.jitter * (2.0 * dice - 1.0))

    def _base(self, attempt: int) -> float:
        try:
            grown = self.backoff * self.factor ** (attempt - 1)
        except OverflowError:
            return self.max_backoff if self.backoff else 0.0
        return min(self.max_backoff, grown)

    def to_json(self) -> dict[str, float]:
        """The policy as a JSON object with the five fields."""
        return {
            "max_attempts": self.max_attempts, "backoff": self.backoff, "factor": self.factor,
            "max_backoff": self.max_backoff, "jitter": self.jitter,
        }  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Retry:
        """Read what `to_json` wrote; missing fields take their defaults.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            known = ", ".join(cls.__dataclass_fields__)
            raise ValueError(f"Retry: unknown field {', '.join(unknown)}; known are {known}")
        return cls(**data)  # type: ignore[arg-type]  # the constructor checks every value


def _within(name: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"Retry: {name} is {value!r}, it must be a number")
    number = _as_float(value)
    if not math.isfinite(number) or not low <= number <= high:
        upper = f" and at most {high:g}" if math.isfinite(high) else ""
        raise ValueError(f"Retry: {name} is {value!r}, it must be at least {low:g}{upper}")
    return number


NO_RETRY = Retry(max_attempts=1)
