"""Our two rows: real worker processes over Postgres and Valkey, the first of them killed after the effect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
SECONDS = 60.0
SUBMIT = "import django; django.setup(); from jobs import submit; print(submit({agent!r}, {{}}))"
RESOLVE = """
import django; django.setup()
from django.contrib.auth import get_user_model
from jobs import resolve
from jobs.services import actor_of
from ledger.models import Invocation
who = get_user_model().objects.create_superuser("auditor")
resolve(str(Invocation.objects.get(state="unknown").id), "landed", actor=actor_of(who), result="charged",
        comment="read in the effect's own log")
"""


def rows(folder: Path, *, database: str, broker: str) -> Iterator[dict[str, Any]]:
    """One row per tool: how many effects there were, and what the runtime says of the job."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")},
        "DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "PYTHONPATH": str(ROOT),
        "AETHERIS_DATABASE_URL": database, "AETHERIS_BROKER_URL": broker, "AETHERIS_VAR": str(folder),
        "AETHERIS_AGENTS": "benchmarks.crashlab.agents", "AETHERIS_LEASE_TTL": "3",
    }  # fmt: skip
    _python(env, "-m", "django", "migrate", "--verbosity", "0")
    for agent, case in (("crashlab-probed", "with a probe"), ("crashlab-blind", "without a probe")):
        log = folder / f"{agent}.effects"
        mine = {**env, "CRASHLAB_LOG": str(log)}
        job = _python(mine, "-c", SUBMIT.format(agent=agent)).strip()
        _until_it_dies(_worker(mine, folder / f"{agent}.1.log"))
        second = _worker(mine, folder / f"{agent}.2.log")
        try:
            state = _state(database, job)
            yield {"peer": "aetheris", "case": case, "effects": _count(log), "state": state}
            if state == "parked on unknown_outcome":
                _python(mine, "-c", RESOLVE)
                told = _state(database, job, parked=False)
                yield {
                    "peer": "aetheris",
                    "case": "the same, a person has looked",
                    "effects": _count(log),
                    "state": told,
                }
        finally:
            second.kill()


def _python(env: dict[str, str], *args: str) -> str:
    command = [sys.executable, *args]
    done = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{args[:2]} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def _worker(env: dict[str, str], log: Path) -> Leashed:
    command = [sys.executable, "-m", "celery", "-A", "aetheris_site", "worker", "-c", "1", "-l", "WARNING"]
    return Leashed(command, log=log, env=env, cwd=ROOT)


def _until_it_dies(worker: Leashed) -> None:
    give_up = time.monotonic() + SECONDS
    while worker.returncode is None:
        if time.monotonic() > give_up:
            worker.kill()
            raise TimeoutError(f"the first worker did not die of its effect:\n{worker.tail()}")
        time.sleep(0.05)


def _state(database: str, job: str, *, parked: bool = True) -> str:
    """What the job comes to: its end, or (if asked) what it is parked on."""
    give_up = time.monotonic() + SECONDS
    with psycopg.connect(database, autocommit=True) as reader:
        while time.monotonic() < give_up:
            found = reader.execute(
                "SELECT status, parked_on FROM aetheris_jobs_job WHERE id = %s", [job]
            ).fetchone()
            assert found is not None
            status, parked_on = found
            if status == "parked" and parked:
                return "parked on " + ", ".join(each["kind"] for each in json.loads(parked_on))
            if status in ("completed", "failed", "cancelled"):
                return str(status)
            time.sleep(0.05)
    raise TimeoutError(f"job {job} came neither to an end nor to a park")


def _count(log: Path) -> int:
    return log.read_text().count("charge") if log.exists() else 0
