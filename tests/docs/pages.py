"""Reads the papers: their code blocks, with what is said about each in a comment above it, and their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_REMARK = re.compile(r"<!-- (\w+): (.*) -->")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One code block of a page.

    Args:
        language: behind the fence.
        text: its lines.
        line: where it begins, for messages.
        remarks: `<!-- name: value -->` on the line above it.
    """

    language: str
    text: str
    line: int
    remarks: dict[str, str] = field(default_factory=dict)


def papers() -> list[Path]:
    """Every page that the project ships."""
    return [
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted(ROOT.glob("examples/**/*.md")),
    ]


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    lines = page.read_text("utf-8").splitlines()
    begin: int | None = None
    for index, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if begin is None:
            begin = index
            continue
        above = _REMARK.fullmatch(lines[begin - 1]) if begin else None
        remarks = {above[1]: above[2]} if above else {}
        yield Block(lines[begin][3:].strip(), "\n".join(lines[begin + 1 : index]) + "\n", begin + 1, remarks)
        begin = None
    if begin is not None:
        raise ValueError(f"{page}: the block that begins in line {begin + 1} never ends")


def links(page: Path) -> list[str]:
    """Where the links of a page lead, those inside code left out."""
    return _LINK.findall(_CODE.sub("", page.read_text("utf-8")))


def anchors(page: Path) -> set[str]:
    """The names under which the headings of a page can be linked."""
    text = _CODE.sub(lambda found: found[0] if "\n" not in found[0] else "", page.read_text("utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in _HEADING.findall(text)
    }
