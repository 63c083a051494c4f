"""How often a tool may be called: `"10/s"`, `"100/m"`, `"5/30s"`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"([1-9][0-9]{0,6})/([0-9]{0,6})(s|m|h|d)", re.ASCII)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Rate:
    """`calls` in `seconds`; as many may come at once."""

    calls: int
    seconds: float

    @classmethod
    def parse(cls, text: object, what: str) -> Rate:
        """Read a rate.

        Args:
            text: calls, a slash, a period.
            what: how an error message names the tool.

        Raises:
            ValueError: it is none.
        """
        found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
        seconds = (int(found[2] or 1) if found else 0) * (_UNITS[found[3]] if found else 0)
        if found is None or seconds == 0:
            raise ValueError(
                f'{what}: rate is {text!r}; write calls per period, such as "10/s", "100/m" or "5/30s"'
            )
        return cls(int(found[1]), float(seconds))
