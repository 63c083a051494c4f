"""Rolling deploys: old jobs stay with workers of their version or wait for one, none fails; knocks find their worker."""

from __future__ import annotations

import json
import signal as signals
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobs import TaskGraph, approve, clock, signal
from jobs.core.parked import parked_on
from jobs.models import Approval, Event, Job, Tick, Worker
from jobs.store import state_of
from tests.brokers.workers import until
from tests.engine.driving import a_word, asked, started
from tests.engine.workers import Crew, alive, claims, crew, ends, kept
from tests.factories import person
from tests.processes import Leashed
from tests.servers import Valkey

pytestmark = pytest.mark.timeout(600)
V1, V2 = "tests.agents,tests.agents.rolling_v1", "tests.agents,tests.agents.rolling_v2"
BOTH = f"{V1},tests.agents.rolling_v2"
WAITS = ("approval", "signal", "backoff", "running")
NAP = 15.0


@pytest.fixture
def at_work(fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A place for workers on a database of this test's own; all of them end with it."""
    monkeypatch.setattr(clock, "_shift", 0.0)
    monkeypatch.setattr(clock, "_offset", None)
    with crew(fresh_database, tmp_path) as made, kept(made):
        yield made


def begin(made: Crew, name: str, agents: str, *options: str, **environment: str) -> Leashed:
    """A worker with that code, registered."""
    before = alive()
    worker = made.worker(
        name, *(options or ("-P", "threads", "-c", "4")), AETHERIS_AGENTS=agents, **environment
    )
    until(lambda: alive() > before, worker, seconds=60)
    return worker


def stop_time() -> None:
    """No sweep from now on: what happens, happens because somebody knocked."""
    moment = clock.database_now()
    Tick.objects.update_or_create(
        name="tick", defaults={"claimed_until": moment + timedelta(days=1), "finished_at": moment}
    )


def kinds_of(job: str) -> list[str]:
    return list(Event.objects.filter(job_id=job).order_by("seq").values_list("type", flat=True))


def waits_for(job: str) -> list[str]:
    return [each["kind"] for each in parked_on(state_of(job))]


def names(counted: Counter[str]) -> set[str]:
    """The names of the workers that claimed."""
    return {Worker.objects.get(id=worker).name for worker in counted}


def word_of(job: str) -> str:
    return str(json.loads(Job.objects.get(id=job).goal)["word"])


def in_every_state(worker: Leashed) -> dict[str, str]:
    """Jobs of version 1: waiting, backing off, and in the middle of a call."""
    jobs = {form: asked("rolling@1", {"form": form, "word": f"{form}-{a_word()}"}) for form in WAITS}
    for form in ("approval", "signal"):
        until(lambda form=form: waits_for(jobs[form]) == [form], worker)  # type: ignore[misc]
    until(lambda: "node_retry_scheduled" in kinds_of(jobs["backoff"]), worker)
    until(lambda: "tool_invocation_started" in kinds_of(jobs["running"]), worker)
    return jobs


def deployed(made: Crew, old: Leashed, agents: str) -> tuple[Leashed, dict[str, str]]:
    """A worker of the next code, and the one of the old code drained while its jobs are in every state."""
    jobs = in_every_state(old)
    new = begin(made, "new", agents)
    jobs["timer"] = asked("rolling@1", {"form": "timer", "word": f"timer-{a_word()}", "seconds": NAP})
    until(lambda: waits_for(jobs["timer"]) == ["timer"], old)
    old.send(signals.SIGTERM)
    until(lambda: Worker.objects.get(name="old@toy").draining)
    (made.folder / word_of(jobs["running"])).touch()
    assert old.wait(40) == 0
    assert Worker.objects.get(name="old@toy").known_dead
    return new, jobs


def answer(made: Crew, jobs: dict[str, str]) -> None:
    """Everything that the jobs wait for comes."""
    signal(jobs["signal"], "go", actor=person())
    asked_of = Approval.objects.get(job_id=jobs["approval"])
    approve(str(asked_of.id), digest=asked_of.digest, actor=person("bob"))
    (made.folder / word_of(jobs["backoff"])).touch()


def test_a_deploy_fails_no_job_and_old_ones_wait_for_a_worker_of_their_version(at_work: Crew) -> None:
    new, jobs = deployed(at_work, begin(at_work, "old", V1), V2)
    fresh = asked("rolling", {"form": "none", "word": a_word()})
    assert json.loads(ends(fresh, new).output or "")["version"] == "2"
    answer(at_work, jobs)
    for form, job in jobs.items():
        until(lambda job=job: "version" in waits_for(job), new, seconds=60)  # type: ignore[misc]
        assert Job.objects.get(id=job).status == "parked", form
        assert parked_on(state_of(job))[0]["name"] == "rolling@1"
    again = begin(at_work, "again", V1)
    for form, job in jobs.items():
        done = ends(job, new, again, seconds=60)
        assert json.loads(done.output or "") == {"version": "1", "begun": "1"}
        assert names(claims(job)) == {"old@toy", "again@toy"}
        assert len(at_work.lines(f"{word_of(job)}-end")) == 1, form
    assert len(at_work.lines(word_of(jobs["running"]))) == 1, "the call in flight was finished, not repeated"
    assert names(claims(fresh)) == {"new@toy"}


def test_workers_that_have_both_versions_let_nothing_wait(at_work: Crew) -> None:
    both, jobs = deployed(at_work, begin(at_work, "old", V1), BOTH)
    fresh = asked("rolling", {"form": "none", "word": a_word()})
    answer(at_work, jobs)
    for version, job in (("2", fresh), *(("1", job) for job in jobs.values())):
        assert json.loads(ends(job, both, seconds=60).output or "")["version"] == version
        parked = Event.objects.filter(job_id=job, type="job_parked").values_list("body", flat=True)
        assert "version" not in {json.loads(body or "")["kind"] for body in parked}


def mixed(made: Crew) -> None:
    """Jobs of two versions, and tools that one worker lacks, without any sweep."""
    old, new = begin(made, "old", V1), begin(made, "new", V2)
    stop_time()
    jobs = [asked(f"rolling@{1 + number % 2}", {"form": "none", "word": a_word()}) for number in range(12)]
    graph = TaskGraph()
    graph.output(graph.tool("call", "rolling.dropped", word=a_word()))
    lacking = [started(graph) for _ in range(6)]
    for job in [*jobs, *lacking]:
        ends(job, old, new, seconds=60)
    for number, job in enumerate(jobs):
        assert names(claims(job)) == {("old@toy", "new@toy")[number % 2]}
    assert "lease_lost" not in [kind for job in jobs for kind in kinds_of(job)]


def test_in_a_mixed_deployment_every_knock_finds_its_worker_without_the_sweep(at_work: Crew) -> None:
    mixed(at_work)
    queues = at_work.folder / "broker" / "queues"
    assert not [path for path in queues.rglob("*") if path.is_file()], "and no knock goes round and round"


def test_so_it_is_over_valkey(
    fresh_database: str, tmp_path: Path, shared_valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_offset", None)
    with crew(fresh_database, tmp_path, shared_valkey.url) as made:
        with kept(made):
            mixed(made)
            with made.app.connection_for_write() as connection:
                left = list_keys(connection.default_channel)
                assert not [key for key in left if "aetheris.to." in key and "binding" in key]
        with made.app.connection_for_write() as connection:
            assert not [key for key in list_keys(connection.default_channel) if "aetheris.to." in key]


def list_keys(channel: Any) -> list[str]:
    return [key.decode() for key in channel.client.keys("*")]


def test_a_step_whose_tool_is_in_no_living_worker_parks_and_goes_on_when_one_comes(at_work: Crew) -> None:
    old = begin(at_work, "old", V1)
    assert old.stop(by=signals.SIGTERM) == 0
    new = begin(at_work, "new", V2)
    graph = TaskGraph()
    graph.output(graph.tool("call", "rolling.dropped", word=(word := a_word())))
    job = started(graph)
    until(lambda: waits_for(job) == ["capability"], new, seconds=60)
    assert parked_on(state_of(job)) == [
        {"node": "call", "kind": "capability", "name": "tool:rolling.dropped"}
    ]
    again = begin(at_work, "again", V1)
    ends(job, new, again, seconds=60)
    assert len(at_work.lines(word)) == 1
