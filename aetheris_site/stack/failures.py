"""What stops a stack from doing as asked: a sentence for the reader, and lines that show why."""

from __future__ import annotations


class StackError(Exception):
    """Something that the reader must know and act on.

    Args:
        message: what happened, to what, and what to do.
        lines: the end of a log, or of what a command printed.
    """

    def __init__(self, message: str, lines: str = "") -> None:
        super().__init__(message)
        self.lines = lines
