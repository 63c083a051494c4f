"""`init` and `dev`: from nothing to an agent that works, with one command each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aetheris_site.cli.dev import prepare
from tests.faces.command_line import Ended, aetheris
from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "aetheris_site.cli"]
_DEADLINE = 60.0


def environment() -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AETHERIS_", "DJANGO_"))
    }
    return {**kept, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A new project in which `aetheris dev` runs."""
    folder = tmp_path_factory.mktemp("dev") / "project"
    assert aetheris("init", str(folder)).code == 0
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*CLI, "dev", "--no-reload", "--port", str(port)]
    running = Leashed(command, log=folder.parent / "dev.log", env=environment(), cwd=folder)
    try:
        _until_ready(folder, running)
        yield folder
    finally:
        running.stop()


def _until_ready(folder: Path, running: Leashed) -> None:
    begun = time.monotonic()
    while running.returncode is None and time.monotonic() - begun < _DEADLINE:
        if (folder / "var" / "local.json").exists() and within(folder, "health").code == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"dev did not become ready:\n{running.tail()}")


def within(folder: Path, *args: str) -> Ended:
    """Run a command as somebody who stands in that folder."""
    done = subprocess.run(
        [*CLI, *args], cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_new_project_runs_its_agent_to_the_end(project: Path) -> None:
    goal = '{"name": "Ada", "important": false}'
    ended = within(project, "submit", "greeter", "--goal", goal, "--wait", "--timeout", "30s", "--json")
    assert (ended.code, ended.json["output"]) == (0, {"said": "Welcome, Ada!"})
    verified = within(project, "verify", ended.json["id"], "--json")
    assert (verified.code, verified.json["ok"]) == (0, True)


def test_a_new_project_asks_a_person_and_goes_on_with_the_answer(project: Path) -> None:
    goal = '{"name": "Grace", "important": true}'
    job = within(project, "submit", "greeter", "--goal", goal).out.strip()
    follower = subprocess.Popen(
        [*CLI, "events", job, "--follow", "--json"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    begun = time.monotonic()
    while job not in within(project, "approvals").out and time.monotonic() - begun < _DEADLINE:
        time.sleep(0.1)
    approved = within(project, "approve", job, "--yes")
    assert approved.code == 0, approved.err
    assert '"Welcome, Grace!"' in approved.out
    told, _ = follower.communicate(timeout=60)
    assert Ended(follower.returncode, told, "").json[-1]["type"] == "job_completed"


def test_a_goal_that_the_agent_does_not_take_is_refused_by_field(project: Path) -> None:
    refused = within(project, "submit", "greeter", "--goal", '{"name": "Ada"}')
    assert refused.code == 4
    assert "important" in refused.err


def test_an_existing_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    ended = aetheris("init", str(tmp_path))
    assert (ended.code, "[not_empty]" in ended.err) == (4, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert aetheris("init", str(tmp_path / "mine")).code == 4
    (tmp_path / "empty").mkdir()
    assert aetheris("init", str(tmp_path / "empty"), "--json").json["files"] == [
        "agents.py",
        "README.md",
        ".gitignore",
    ]


def test_a_taken_port_is_named_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = within(tmp_path, "dev", "--no-reload", "--port", port)
    assert ended.code == 1
    assert f"Port {port} cannot be used" in ended.err
    assert not (tmp_path / "var").exists()


def test_what_the_environment_says_comes_before_what_dev_chooses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("AETHERIS_VAR", "AETHERIS_BROKER_URL", "AETHERIS_AGENTS", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AETHERIS_BROKER_URL", "redis://elsewhere")
    monkeypatch.setenv("AETHERIS_AGENTS", "mine")
    (tmp_path / "agents.py").touch()
    prepare((), tmp_path / "var", tmp_path)
    assert os.environ["AETHERIS_AGENTS"] == "mine,agents"
    assert os.environ["AETHERIS_BROKER_URL"] == "redis://elsewhere"
    assert os.environ["AETHERIS_VAR"] == str(tmp_path / "var")
    assert sys.path[-1] == str(tmp_path)
