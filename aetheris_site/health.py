"""Is it alive, and can it work: two answers in under a second, without touching the broker."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from datetime import timedelta
from pathlib import Path
from threading import Lock

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from jobs import clock
from jobs.models import Tick, Worker

from .errors import no_room_lately

PATIENCE = 0.8  # seconds for all checks together
ROOM = 16 * 1024 * 1024  # bytes that the disk of an embedded database must have left
FRESH = timedelta(seconds=15)  # a tick is asked for every second
APPS = ("aetheris_ledger", "aetheris_jobs", "aetheris_forensics", "auth")

# One thread: however long a database hangs, at most one check hangs with it.
_checker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readiness")
_lock = Lock()
_running: Future[dict[str, str]] | None = None


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Looks at nothing else, so that a broken database restarts no API."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Whether jobs can be taken and will go on; if not, `missing` names each part and what to do."""
    missing = _within(PATIENCE)
    status = "not ready" if missing else "ready"
    return JsonResponse(
        {"status": status, "missing": sorted(missing), "detail": missing}, status=503 if missing else 200
    )


def _within(seconds: float) -> dict[str, str]:
    """What is missing, or that the database did not say so in time. Callers share one running check."""
    global _running
    with _lock:
        if _running is None or _running.done():
            _running = _checker.submit(look)
        running = _running
    try:
        return running.result(timeout=seconds)
    except TookTooLong:
        return {"database": f"no answer within {seconds} s; see AETHERIS_DATABASE_URL"}


def look() -> dict[str, str]:
    """Ask the database for everything that readiness needs.

    Returns:
        Part -> what is wrong with it and what to do; empty when nothing is missing.
    """
    checks: tuple[Callable[[], dict[str, str]], ...] = (_room, _migrations, _worker, _tick)
    try:
        found: dict[str, str] = {}
        for check in checks:
            found.update(check())
            if "migrations" in found:
                break
        return found
    except DatabaseError as error:
        return {"database": f"it does not answer ({type(error).__name__}); see AETHERIS_DATABASE_URL"}
    finally:
        connections.close_all()


def _room() -> dict[str, str]:
    if told := no_room_lately():
        return {"disk": told}
    database = connections[DEFAULT_DB_ALIAS]
    name = str(database.settings_dict["NAME"])
    if database.vendor != "sqlite" or database.is_in_memory_db():  # type: ignore[attr-defined]  # SQLite's has it
        return {}
    free = shutil.disk_usage(Path(name).parent).free
    return {} if free >= ROOM else {"disk": f"{free} bytes are left for {name}: make room"}


def _migrations() -> dict[str, str]:
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    targets = [key for key in executor.loader.graph.leaf_nodes() if key[0] in APPS]
    plan = executor.migration_plan(targets)
    if not plan:
        return {}
    return {"migrations": f"{len(plan)} are not applied; run `manage.py migrate`"}


def _worker() -> dict[str, str]:
    if Worker.objects.filter(dead=False, draining=False, alive_until__gt=clock.database_now()).exists():
        return {}
    return {"worker": "none is alive; start one with `bin/worker`"}


def _tick() -> dict[str, str]:
    last = (
        Tick.objects.order_by("-finished_at")
        .values_list("finished_at", flat=True)
        .exclude(finished_at=None)
        .first()
    )
    if last is not None and last > clock.database_now() - FRESH:
        return {}
    when = f"the last one ended at {last.isoformat()}" if last else "there was none yet"
    return {"tick": f"{when}; start beat with `bin/beat`, or a worker"}
