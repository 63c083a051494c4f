"""The quickstart, done literally: its files, its commands, a real stack, a real kill."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aetheris_site.stack import ports
from tests.docs.pages import ROOT, Block, blocks

pytestmark = pytest.mark.fatal
PAGE = ROOT / "docs" / "getting-started-agents.md"
SHELL = "set -a; [ ! -f .state ] || . ./.state; set -eu\n{block}\nexport -p > .state\n"
PATIENCE = 60.0


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of what git holds, with the environment that these tests run in, stopped at the end."""
    folder = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    _borrow_environment(folder)
    yield folder
    subprocess.run(["make", "stop"], cwd=folder, env=_env(ports.any_free()), check=True, timeout=120)


def _borrow_environment(folder: Path) -> None:
    """What is installed here, under a name of its own, so that nothing is installed and nothing of it is changed."""
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "requirements.lock":
            (folder / ".venv" / part.name).symlink_to(part)
    shutil.copy(folder / "requirements.lock", folder / ".venv")


def _env(port: int) -> dict[str, str]:
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PORT": str(port)}


@pytest.mark.timeout(400)
def test_the_quickstart_does_what_it_says(checkout: Path) -> None:
    if not shutil.which("git") or not shutil.which("make"):
        pytest.skip("needs git and make")
    env = _env(ports.any_free())
    ran = 0
    for block in blocks(PAGE):
        if "file" in block.remarks:
            path = checkout / block.remarks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text)
        elif block.language == "sh":
            _follow(block, checkout, env)
            ran += 1
    assert ran > 10


def _follow(block: Block, folder: Path, env: dict[str, str]) -> None:
    """Run a block; one that a reader would look at again until something has come is run again."""
    begun = time.monotonic()
    while True:
        done = subprocess.run(
            ["bash", "-c", SHELL.format(block=block.text)],
            cwd=folder, env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        told = f"{PAGE.name}, line {block.line}:\n{block.text}{done.stdout}{done.stderr}"
        again = "until" in block.remarks  # a busy machine may not have been ready within its second
        assert done.returncode == 0 or again, told
        wanted = block.remarks.get("until") or block.remarks.get("shows") or ""
        if wanted in done.stdout and done.returncode == 0:
            return
        assert "until" in block.remarks, f"no {wanted!r} in {told}"
        assert time.monotonic() - begun < PATIENCE, f"still no {wanted!r} in {told}"
        time.sleep(0.1)
