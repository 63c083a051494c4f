"""Packages of the cast, made once, and what the verifier says of forged ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from forensics import standalone
from forensics.package import export
from tests.forensics.cast import CAST
from tests.forensics.package.packing import Copy, our_key


@cache
def folder() -> Path:
    """A folder for the packages of this module."""
    return Path(mkdtemp(prefix="aetheris-forged-"))


@cache
def package(name: str) -> Path:
    """A package of a job of the cast."""
    path = folder() / f"{name}.zip"
    export(CAST[name](), path)
    return path


def verdict(content: bytes, **wishes: Any) -> standalone.Report:
    """What the verifier says, with our key pinned."""
    path = folder() / "forged.zip"
    path.write_bytes(content)
    return standalone.verify(path, standalone.Wishes(keys=(our_key(),), **wishes))


def seq_of(copy: Copy, kind: str) -> int:
    return next(event["seq"] for event in copy.values(standalone.EVENTS) if event["type"] == kind)
