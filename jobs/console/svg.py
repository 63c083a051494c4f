"""SVG as text: elements with everything escaped, and nothing that a strict policy forbids. Pure."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

# What XML 1.0 cannot hold even escaped.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def words(text: object) -> str:
    """Text as it may stand between tags."""
    return escape(_UNSPEAKABLE.sub("\ufffd", str(text)))


def tag(name: str, *inside: str, **given: object) -> str:
    """One element.

    Args:
        name: its name.
        inside: what stands in it, already text of XML.
        given: its attributes; `class_` is class, an underscore inside a name is a hyphen, None is left out.
    """
    shown = "".join(f" {_name(key)}={_quoted(value)}" for key, value in given.items() if value is not None)
    return f"<{name}{shown}>{''.join(inside)}</{name}>" if inside else f"<{name}{shown}/>"


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _quoted(value: object) -> str:
    return quoteattr(_UNSPEAKABLE.sub("\ufffd", str(value)))


def clip(text: str, most: int) -> str:
    """A text that fits into so many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
