"""A host project's process is killed around the COMMIT of its own transaction: all of it counts, or nothing (Law L7)."""

from __future__ import annotations

import pytest

from tests.fatal import hosting
from tests.fatal.audit import query
from tests.fatal.stage import Stage

pytestmark = pytest.mark.fatal


def killed(stage: Stage, seam: str) -> str:
    """A job that waits for a word; the host died when it had just sent it, and submitted another job."""
    stage.worker()
    waiting = stage.submit("wait", "fatal.pay")
    stage.until_status(waiting, "parked")
    host = stage.start("tests.fatal.hosting", [waiting], AETHERIS_CRASH=f"{seam}:1")
    stage.until_dead(host)
    assert "committed" not in host.said
    return waiting


def rows(stage: Stage) -> list[str]:
    """The host's own rows; the groups of roles are there from the start."""
    asked = f"SELECT name FROM auth_group WHERE name = '{hosting.NAME}'"  # noqa: S608 - ours
    return [row["name"] for row in query(stage.database, asked)]


def test_killed_before_its_commit_it_leaves_no_row_no_job_and_no_word(stage: Stage) -> None:
    waiting = killed(stage, "before_commit")
    assert (rows(stage), stage.how_many_jobs()) == ([], 1)
    assert query(stage.database, "SELECT id FROM aetheris_jobs_delivery") == []
    other = stage.submit("graph", "fatal.pay")  # time goes on, and the word does not come
    stage.until_status(other, "completed", "failed")
    assert (stage.status(waiting), stage.how_many_jobs()) == ("parked", 2)


def test_killed_after_its_commit_the_job_runs_and_the_word_arrives(stage: Stage) -> None:
    """The knock of its first step was not sent; the tick finds it, and the delivery."""
    waiting = killed(stage, "after_birth_before_knock")
    assert rows(stage) == [hosting.NAME]
    stage.until_status(waiting, "completed", "failed")
    [made] = [row for row in query(stage.database, "SELECT id, agent FROM aetheris_jobs_job") if
              row["agent"] == "fatal-graph"]  # fmt: skip
    stage.until_status(str(made["id"]), "completed", "failed")
    assert stage.counts(waiting) == stage.counts(str(made["id"])) == [1]
