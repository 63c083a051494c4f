"""Text from elsewhere made safe for a terminal, and values made into words."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

# Control characters could repaint what a person is about to approve; the last two groups turn text around.
_KEPT = "\n\t"
_TURNING = frozenset("\u200e\u200f\u061c") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def clean(text: str) -> str:
    """The text with every character that a terminal would obey written out as its code."""
    return "".join(_written(each) if _obeyed(each) else each for each in text)


def line(text: str) -> str:
    """The text on one line."""
    return clean(text).replace("\n", "\\n").replace("\t", "\\t")


def _obeyed(each: str) -> bool:
    return (unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and each not in _KEPT) or each in _TURNING


def _written(each: str) -> str:
    return f"\\x{ord(each):02x}" if ord(each) < 256 else f"\\u{ord(each):04x}"


def compact(value: Any) -> str:
    """A JSON value on one line; text stays text, nothing is nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return line(value)
    return line(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")))


def pretty(value: Any) -> str:
    """A JSON value over several lines."""
    return clean(json.dumps(value, ensure_ascii=False, indent=2))


def clip(text: str, width: int) -> str:
    """At most so many characters, the last a sign that some are missing."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def moment(text: Any) -> str:
    """An RFC 3339 time down to the second."""
    return (
        f"{text[:10]} {text[11:19]}Z" if isinstance(text, str) and len(text) >= 20 else line(str(text or ""))
    )


def seconds(value: Any) -> str:
    """A span of seconds for people."""
    if not isinstance(value, int | float):
        return ""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def parked(wait: Mapping[str, Any]) -> str:
    """What a job waits for, in words: `manager: approval 0199… until …`."""
    name = wait.get("approval") or wait.get("name") or ""
    words = f"{wait.get('node') or '-'}: {wait.get('kind', '')} {name}".rstrip()
    until = wait.get("deadline")
    return line(f"{words} until {moment(until)}" if until else words)


def named(job: Mapping[str, Any]) -> str:
    """The agent of a job with its version."""
    return line(f"{job.get('agent', '')}@{job.get('version', '')}")
