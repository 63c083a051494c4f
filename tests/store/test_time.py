"""Law L5: the database's clock judges; a host whose own is wrong does no harm, and a late sweep opens nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jobs import TaskGraph, approve, clock, signal, store
from jobs.core.commands import Due, StartNode
from jobs.core.errors import Ended, Refused, Stale
from jobs.core.moments import parse
from jobs.models import Approval, Job, Step
from tests import wrong_clock
from tests.factories import a_job, a_planned_job, a_worker, chain_of, claim, person, promise, told
from tests.store.audit import check, events_of, kinds_of

ROOT = Path(__file__).parents[2]
SIGNATORY = person("signatory")
SKEWED = """
import sys, django; django.setup()
from tests import wrong_clock
wrong_clock.install()
from jobs import clock
from jobs.core.commands import SendSignal
from jobs import store
from tests.factories import person, recorded_knocks
clock.database_now()
with recorded_knocks():
    store.commit(sys.argv[1], SendSignal("go", None, "late", person()))
print(clock.now().isoformat())
"""


def near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(seconds=120)


@pytest.mark.parametrize("skew", [-7200, 7200])
def test_a_host_whose_clock_is_hours_off_writes_the_databases_time(
    engine_db: str, skew: float, tmp_path: Path
) -> None:
    if engine_db.startswith("sqlite"):
        pytest.skip("the clock of a SQLite file is its host's")
    job = a_job()
    wrong_clock.set_to(tmp_path / "clock", skew)
    file = str(tmp_path / "clock")
    environment = {**os.environ, "AETHERIS_DATABASE_URL": engine_db, wrong_clock.VARIABLE: file}
    said = subprocess.run(
        [sys.executable, "-c", SKEWED, job],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert near(datetime.fromisoformat(said.stdout.strip()), clock.database_now())
    assert near(parse(events_of(job)[-1].at), clock.database_now())
    check(job)


@pytest.mark.parametrize("jump", [-600.0, 600.0])
def test_a_host_whose_clock_jumps_counts_on_in_the_databases_time(
    engine_db: str, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    if engine_db.startswith("sqlite"):
        pytest.skip("the clock of a SQLite file is its host's")
    honest, right = clock.database_now(), time.time
    monkeypatch.setattr(time, "time", lambda: right() + jump)
    assert near(clock.now(), honest)
    assert near(clock.database_now(), honest)
    assert near(clock.now(), honest)


READS_A_CLOCK = re.compile(r"time\.time\(|datetime\.now\(|timezone\.now\(|utcnow\(|\.today\(")


def test_only_one_module_of_the_runtime_reads_a_hosts_clock() -> None:
    found = {
        str(path.relative_to(ROOT))
        for package in ("jobs", "forensics")
        for path in (ROOT / package).rglob("*.py")
        if READS_A_CLOCK.search(path.read_text())
    }
    assert found == {"jobs/clock.py"}


def test_a_test_moves_time_for_every_judge(engine_db: str) -> None:
    before = clock.database_now()
    clock.shift(3600)
    for moved in (clock.now(), clock.database_now()):
        assert near(moved, before + timedelta(hours=1))


def asking(deadline: str, on_timeout: str = "reject") -> Approval:
    """An approval that waits until its deadline."""
    graph = TaskGraph()
    graph.approval("ask", "Sure?", users=[SIGNATORY.id], deadline=deadline, on_timeout=on_timeout)
    return Approval.objects.get(job_id=a_planned_job(graph, a_worker()))


@pytest.mark.parametrize("past", [0.0, 1.0])
def test_an_approval_at_or_after_its_deadline_is_refused_though_the_sweep_is_late(
    engine_db: str, past: float
) -> None:
    row = asking("1h")
    assert row.deadline is not None
    job = str(row.job_id)
    clock.shift((row.deadline - clock.database_now()).total_seconds() + past)
    with pytest.raises(Stale):
        approve(row.id, actor=SIGNATORY)
    assert "approval_decided" not in kinds_of(job), "what is refused changes nothing; the sweep decides"
    store.commit(job, Due("ask"), now=clock.database_now())
    row.refresh_from_db()
    assert (row.state, row.decided_at is not None) == ("rejected", True)
    check(job)


def test_an_approval_before_its_deadline_is_taken(engine_db: str) -> None:
    row = asking("1h")
    clock.shift(3000)
    assert approve(row.id, actor=SIGNATORY).state == "approved"
    check(str(row.job_id))


def test_a_signal_after_the_deadline_of_its_wait_no_longer_answers_it(engine_db: str) -> None:
    graph = TaskGraph()
    graph.wait("go", signal="go", deadline="1h", on_timeout="continue")
    job = a_planned_job(graph, a_worker())
    clock.shift(3601)
    signal(job, "go", 1)
    with pytest.raises(Ended):
        signal(job, "go", 2)
    wait = next(event for event in events_of(job) if event.type == "wait_completed")
    assert '"timed_out":true' in (wait.body or "")
    check(job)


def test_a_step_in_back_off_is_claimed_at_its_time_and_not_before(engine_db: str) -> None:
    worker = a_worker()
    job = a_planned_job(chain_of("pay"), worker)
    store.commit(job, told(claim(job, worker), kind="not_landed"))
    row = Step.objects.get(job_id=job)
    assert row.state == "backoff"
    assert row.wake_at is not None
    with pytest.raises(Refused) as refused:
        claim(job, worker)
    assert refused.value.code == "not_ready"
    store.commit(job, StartNode("pay", worker, promise(job)), worker=worker, now=row.wake_at)
    assert Step.objects.get(job_id=job).attempt == 2
    check(job)


def test_the_time_of_an_event_is_never_below_its_predecessors(engine_db: str) -> None:
    job = a_job()
    clock.shift(-600)
    signal(job, "go", 1)
    moments = [event.at for event in events_of(job)]
    assert moments == sorted(moments)
    assert Job.objects.get(id=job).updated_at >= Job.objects.get(id=job).created_at
