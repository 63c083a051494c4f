"""A Django project made from docs/host-project.md alone, with a user model of its own, runs jobs on its own workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks
from tests.processes import Leashed

PAGE = ROOT / "docs" / "host-project.md"
SELLER = Path(__file__).with_name("seller.py")
PEOPLE = "from django.contrib.auth.models import AbstractUser\n\n\nclass Person(AbstractUser):\n    pass\n"
AGENTS = """
from pathlib import Path

from jobs import TaskGraph, agent
from ledger import tool


@tool(effect="idempotent")
def ship(number: str) -> dict:
    with Path("shipped").open("a") as book:
        book.write(number)
    return {"shipped": number}


@agent("shipping", version="1")
def shipping(goal: dict) -> TaskGraph:
    g = TaskGraph()
    paid = g.wait("paid", signal="paid", deadline="3d")
    g.output(g.tool("ship", ship, number=goal["number"], after=[paid]))
    return g
"""


class Host:
    """The project in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        path = f"{folder}{os.pathsep}{ROOT}"
        self.env = kept | {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "shop.settings"}

    def write(self, block: Block) -> None:
        """Do what the page says with a block: a file of its own, or the end of one."""
        for mode, remark in (("a", "append"), ("w", "file")):
            if remark in block.remarks:
                with (self.folder / block.remarks[remark]).open(mode) as file:
                    file.write(block.text)

    def run(self, *words: str) -> str:
        """Run a Python program of it to its end.

        Raises:
            AssertionError: it failed; with what it printed.
        """
        done = subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A new project, with what the page says, migrated."""
    made = Host(tmp_path)
    made.env.pop("DJANGO_SETTINGS_MODULE")
    made.run("-m", "django", "startproject", "shop", str(tmp_path))
    for app in ("people", "orders"):
        made.run("-m", "django", "startapp", app)
    (tmp_path / "people" / "models.py").write_text(PEOPLE)
    (tmp_path / "orders" / "agents.py").write_text(AGENTS)
    with (tmp_path / "shop" / "settings.py").open("a") as settings:
        settings.write('INSTALLED_APPS += ["people"]\nAUTH_USER_MODEL = "people.Person"\n')
    for block in blocks(PAGE):
        made.write(block)
    made.env["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    made.run("manage.py", "makemigrations", "people", "-v", "0")
    made.run("manage.py", "migrate", "-v", "0")
    return made


@pytest.fixture
def worker(host: Host) -> Iterator[Leashed]:
    """A worker of the host's own Celery app."""
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker"]
    process = Leashed(command, log=host.folder / "worker.log", env=host.env, cwd=host.folder)
    yield process
    process.stop()


def test_a_host_built_from_its_page_has_no_changes_left_to_migrate(host: Host) -> None:
    host.run("manage.py", "check")
    host.run("manage.py", "makemigrations", "--check", "--dry-run")


def test_verbs_of_a_host_take_effect_with_its_commits_and_its_own_worker_runs_the_job(
    host: Host, worker: Leashed
) -> None:
    told = json.loads(host.run(str(SELLER)))
    assert told.pop("output") == '{"shipped":"A-1"}', worker.tail()
    assert told == {"jobs": 1, "before": "parked", "after": "completed"}
    assert (host.folder / "shipped").read_text() == "A-1"
