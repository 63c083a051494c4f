"""Fixtures of the stack's tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from aetheris_site.stack import processes
from tests.stack import toys


@pytest.fixture
def site(tmp_path: Path) -> Iterator[toys.Site]:
    """A place for toy stacks; whatever a test leaves running is killed."""
    yield toys.Site(tmp_path)
    for _, process in processes.marked(tmp_path / "bin"):
        processes.kill(process)


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that no stack may touch."""
    process = toys.bystander()
    yield process
    process.kill()
    process.wait(20)
