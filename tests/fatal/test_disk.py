"""No room to write: said clearly, nothing half-written, and all goes on when there is room again."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

from tests.fatal.processes import Running
from tests.fatal.stage import Stage
from tests.fatal.web import PAY, api, ask, get, post

pytestmark = pytest.mark.fatal


@pytest.fixture
def files(fresh_database: str) -> None:
    """These tests limit files of this host; a database server's are its own."""
    if not fresh_database.startswith("sqlite"):
        pytest.skip("the files of a database server are not limited from here")


def limit(process: Running, size: int | None) -> None:
    """Let no file of a process grow beyond a size: it cannot tell that from a full disk."""
    most = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def journal(stage: Stage) -> int:
    """The size of the file to which every commit is appended."""
    return os.stat(f"{stage.database.removeprefix('sqlite:///')}-wal").st_size


@pytest.mark.usefixtures("files")
def test_a_full_disk_under_the_database_is_told_and_survived(stage: Stage, token: str) -> None:
    server, worker = api(stage), stage.worker(ttl=3)
    stage.effects.behave("hang")
    jobs = [stage.submit(form, "fatal.pay") for form in ("graph", "async")]
    stage.until_hanging(2, ticking=True)
    full = journal(stage)
    assert full > max(process.log.stat().st_size for process in (server, worker)) + 20_000
    for process in (server, worker):
        limit(process, full)
    stage.effects.behave("normal")
    stage.effects.release()
    told = f"{stage.database.removeprefix('sqlite:///')}: make room, it goes on by itself"
    stage.until(lambda: told in worker.said, "the worker to say what is full", ticking=False)
    status, answer, kind = post_whole(server, token)
    assert (status, answer["code"], kind) == (507, "storage_full", "application/problem+json")
    assert stage.how_many_jobs() == 2
    status, answer, _ = get(server, "/readyz")
    assert status == 503
    assert told in answer["detail"]["disk"]
    for process in (server, worker):
        limit(process, None)
    for job in jobs:
        stage.until_status(job, "completed", "failed")
        assert stage.counts(job) == [1]
        assert not {"lease_lost", "outcome_unknown"} & set(stage.kinds(job))
    status, late = post(server, "jobs", PAY, token)
    assert status == 202
    stage.until_status(late["id"], "completed", "failed")
    assert "Traceback" not in worker.said + server.said


def post_whole(server: Running, token: str) -> tuple[int, dict[str, str], str]:
    return ask(server, "POST", "/api/jobs", PAY, {"Authorization": f"Bearer {token}"})


def broken(folder: Path, how: str) -> None:
    """Take the broker's folder away."""
    aside = folder.rename(folder.with_name("taken away"))  # at once: the worker makes it anew while we remove
    if how == "in the way":
        folder.write_text("a file where the folder was")
    shutil.rmtree(aside)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("how", ["removed", "in the way"])
def test_a_broker_folder_that_is_lost_is_made_anew_and_costs_no_job(
    stage: Stage, token: str, how: str
) -> None:
    folder = Path(stage.broker.removeprefix("aetheris+files://"))
    server, worker = api(stage), stage.worker()
    assert post(server, "jobs", PAY, token)[0] == 202
    broken(folder, how)
    status, job = post(server, "jobs", PAY, token)
    assert status == 202, "a job needs no broker to be accepted"
    if how == "in the way":
        stage.until(lambda: str(folder) in server.said + worker.said, "the folder to be named", ticking=False)
        folder.unlink()
    stage.until(lambda: stage.status(job["id"]) == "completed", "the job", ticking=False)
    assert stage.counts(job["id"]) == [1]
    status, late = post(server, "jobs", PAY, token)
    stage.until(lambda: stage.status(late["id"]) == "completed", "the next job", ticking=False)
    assert worker.alive
