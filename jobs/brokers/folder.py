"""Files as several processes may share them: written aside, named safely, removed by exactly one of them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from time import time
from urllib.parse import quote
from uuid import uuid4


def safe_name(text: str) -> str:
    """A file name for any text: no separator, no dot, nothing that leads out of the folder."""
    return quote(text or "%", safe="").replace(".", "%2E")


def write(path: Path, text: str, *, aside: Path) -> None:
    """Write a file that is there completely or not at all.

    Args:
        path: its final name; a file of that name is replaced.
        text: what to write.
        aside: a folder of the same disk; a writer killed half-way leaves its file there.

    Raises:
        OSError: a folder is missing, full or closed to us; it names the file, and nothing is left of it.
    """
    draft = aside / uuid4().hex
    try:
        draft.write_text(text)
        draft.rename(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        if error.filename is None:  # of a write that found no room, the system does not say where
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one that took its place; None if there is none."""
    try:
        found = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_ino, found.st_ctime_ns


def names(folder: Path) -> list[str]:
    """The names in a folder, oldest first if they begin with a time; none if there is no such folder."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def remove(path: Path) -> bool:
    """Remove a file. Of many that try, in any process, exactly one hears True."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def age(path: Path) -> float:
    """Seconds since a file was written or touched; zero if it is not there."""
    try:
        return time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
