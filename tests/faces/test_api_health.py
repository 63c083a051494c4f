"""Health, metrics, and what every page sends along."""

from __future__ import annotations

from datetime import timedelta
from threading import Event as Gate
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client

from aetheris_site import health, metrics
from aetheris_site.security import POLICY
from jobs import clock
from jobs.models import Tick, Worker
from jobs.queries.system import gauges
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller

pytestmark = pytest.mark.usefixtures("engine_db")


def _alive() -> Worker:
    worker = Worker.objects.get(pk=stage.worker())
    worker.alive_until = clock.now() + timedelta(seconds=60)
    worker.save()
    return worker


def _ticked() -> None:
    now = clock.now()
    Tick.objects.update_or_create(
        name=f"tick-{uuid4().hex[:6]}", defaults={"claimed_until": now, "finished_at": now}
    )


def test_healthz_asks_nothing_of_the_database(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_readyz_is_ready_with_a_worker_and_a_tick() -> None:
    _alive()
    _ticked()
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["missing"]) == (200, [])


def test_readyz_names_the_worker_and_the_tick_that_are_missing(fresh_database: str) -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["tick", "worker"]
    assert "bin/worker" in answer.json()["detail"]["worker"]


def test_readyz_is_not_satisfied_with_a_dead_worker_or_an_old_tick(fresh_database: str) -> None:
    worker = _alive()
    _ticked()
    assert Client().get("/readyz").status_code == 200
    worker.dead = True
    worker.save()
    assert Client().get("/readyz").json()["missing"] == ["worker"]
    Tick.objects.update(finished_at=clock.now() - timedelta(seconds=60))
    assert Client().get("/readyz").json()["missing"] == ["tick", "worker"]


def test_readyz_names_migrations_that_were_not_applied(fresh_database: str) -> None:
    call_command("migrate", "aetheris_jobs", "zero", fake=True, verbosity=0)
    answer = Client().get("/readyz").json()
    assert answer["missing"] == ["migrations"]


def test_readyz_does_not_wait_for_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert health.PATIENCE < 1
    gate, looks = Gate(), []

    def hangs() -> dict[str, str]:
        looks.append(1)
        gate.wait(60)
        return {}

    monkeypatch.setattr(health, "look", hangs)
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    try:
        answers = [Client().get("/readyz") for _ in range(3)]
        assert [(each.status_code, each.json()["missing"]) for each in answers] == [(503, ["database"])] * 3
        assert len(looks) == 1, "however many ask, one check hangs"
        assert Client().get("/healthz").status_code == 200
    finally:
        gate.set()
        health._checker.submit(int).result(timeout=30)


def test_readyz_says_when_the_database_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> dict[str, str]:
        raise OperationalError("no route")

    monkeypatch.setattr(health, "_migrations", broken)
    assert health.look() == {"database": "it does not answer (OperationalError); see AETHERIS_DATABASE_URL"}


def test_metrics_count_what_the_database_holds() -> None:
    before = gauges()
    stage.job(stage.waiting("go"))
    stage.unknown_call()
    text = Client().get("/metrics").content.decode()
    assert f'aetheris_jobs{{status="parked"}} {before["jobs"]["parked"] + 2}.0' in text
    assert f"aetheris_effects_unresolved {before['unresolved'] + 1}.0" in text
    assert f'aetheris_agenda_steps{{state="parked"}} {before["agenda"]["parked"] + 2}.0' in text
    for name in ("aetheris_workers_alive", "aetheris_oldest_due_seconds", "aetheris_events_total"):
        assert f"\n{name} " in text


def test_each_scrape_counts_afresh(django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        assert [family.name for family in metrics.Database().collect()]


def test_the_overview_is_of_one_tenant() -> None:
    tenant = f"t-{uuid4().hex[:8]}"
    stage.job(stage.waiting("go"))
    found = Caller(tenant=tenant).get("system/overview").json()
    assert sum(found["jobs"].values()) == 0
    assert (found["tenant"], found["unresolved"], found["approvals"]) == (tenant, 0, 0)


@pytest.mark.parametrize("path", ["/", "/healthz", "/admin/login/", "/api/me", "/api/docs/", "/nothing"])
def test_every_answer_carries_the_policy(path: str) -> None:
    assert Client().get(path).headers["Content-Security-Policy"] == POLICY


def test_the_home_page_is_the_console_and_asks_who_it_is() -> None:
    assert Client().get("/").headers["Location"] == "/login?next=/"
