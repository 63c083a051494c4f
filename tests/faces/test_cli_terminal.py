"""The command line on a real terminal: a person is asked, sees what is shown, and what they type counts."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.models import Event
from tests.faces import admin_stage as stage
from tests.faces.test_cli_live import Person, approver, operator, server

__all__ = ["approver", "operator", "server"]
pytestmark = pytest.mark.usefixtures("engine_db")
ROOT = Path(__file__).parents[2]


def typed(person: Person, keys: bytes, *args: str) -> tuple[int, str]:
    """Run a command on a terminal and type; its exit code and all that appeared there."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "aetheris_site.cli", "--api", person.server, *args]
    env = {**os.environ, "AETHERIS_TOKEN": person.token, "COLUMNS": "200", "TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        os.write(leader, keys)
        shown = b"".join(iter(lambda: _read(leader), b""))
        code = process.wait(60)
    os.close(leader)
    return code, shown.decode()


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the last process has left the terminal
        return b""


def decisions(job: str) -> int:
    return Event.objects.filter(job_id=job, type="approval_decided").count()


def test_a_person_sees_what_is_shown_and_says_yes_or_no(approver: Person) -> None:
    job = stage.job(stage.asking(), stage.paying())
    code, shown = typed(approver, b"n\n", "approve", job)
    assert (code, decisions(job)) == (1, 0)
    assert '"A-7"' in shown
    assert "Approve? [y/N]" in shown
    assert "[not_confirmed]" in shown
    code, shown = typed(approver, b"y\n", "approve", job)
    assert (code, decisions(job)) == (0, 1)


def test_a_table_on_a_terminal_shows_every_id_whole(operator: Person) -> None:
    job = stage.job(stage.waiting("go"))
    code, shown = typed(operator, b"", "jobs", "--agent", "stage", "--limit", "200")
    assert code == 0
    assert job in shown
    assert "\x1b[" in shown


def test_without_colours_no_escape_is_printed(operator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    job = stage.job(stage.waiting("go"))
    code, shown = typed(operator, b"", "job", job)
    assert (code, "\x1b" in shown) == (0, False)
