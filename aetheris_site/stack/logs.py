"""The logs of a stack: where each part's is, what it said since it was started, and how the file stays small."""

from __future__ import annotations

from pathlib import Path

from .place import Place

FULL = 10 * 1024 * 1024  # bytes; then the file is set aside at the next start
SHOWN = 15
_DULL = "aetheris.tick["  # a worker tells of each, every second


def log_file(place: Place, name: str) -> Path:
    """Where a part writes what it prints."""
    return place.folder / f"{name}.log"


def open_at_end(place: Place, name: str) -> int:
    """Make the log ready for a new start; one that is full becomes `NAME.log.1` first.

    Returns:
        Where in the file the new start begins.
    """
    path = log_file(place, name)
    if path.exists() and path.stat().st_size > FULL:
        path.replace(path.with_suffix(".log.1"))
    path.touch(mode=0o600)
    return path.stat().st_size


def since(place: Place, name: str, begin: int) -> str:
    """What a part has printed since then."""
    with log_file(place, name).open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace")


def tail(place: Place, name: str, begin: int) -> str:
    """The last lines that a part has printed since then, under its file's name."""
    said = [line for line in since(place, name, begin).splitlines() if _DULL not in line]
    lines = said[-SHOWN:] or ["(it printed nothing)"]
    return "\n".join(
        [f"--- the end of {place.shown(log_file(place, name))}", *(f"  {line}" for line in lines)]
    )
