"""The linter as a plug-in of flake8: `AET` codes among the others."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from .checking import lint


def _version() -> str:
    try:
        return version("aetheris-runtime")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0"


class Plugin:
    """What flake8 makes for each file, and runs."""

    name = "aetheris"
    version = _version()

    def __init__(self, tree: ast.Module, filename: str = "", lines: Sequence[str] = ()) -> None:
        self.tree, self.filename, self.lines = tree, filename, list(lines)

    def run(self) -> Iterator[tuple[int, int, str, type]]:
        """Every finding: line, column from 0, text that begins with its code, and who says so."""
        for each in lint("", self.filename, tree=self.tree, lines=[line.rstrip("\n") for line in self.lines]):
            yield each.line, each.column - 1, f"{each.code} {each.message}", type(self)
