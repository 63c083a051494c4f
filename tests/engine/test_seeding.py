"""Seeding: whole jobs with valid chains and true books, as many as were asked for, only where nothing else is."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from forensics import services
from jobs.models import Addressee, Approval, Event, Job, Step
from jobs.seeding import Refusal, seed
from ledger.models import Invocation
from tests import factories


@pytest.mark.usefixtures("engine_db")
def test_what_is_seeded_is_verified_job_by_job() -> None:
    tenant = factories.a_tenant()
    report = seed(60, 900, tenant)
    jobs = list(Job.objects.filter(tenant=tenant))
    assert len(jobs) == report.jobs == 60
    assert Event.objects.filter(tenant=tenant).count() == report.events
    assert abs(report.events - 900) < 300
    assert {each.status for each in jobs} == {"completed", "failed", "cancelled", "parked"}
    for job in jobs:
        told = services.verify_job(job.id)
        assert told["ok"], (job.id, told)
    assert Invocation.objects.filter(tenant=tenant).count() > 10
    asked = set(Approval.objects.filter(tenant=tenant).values_list("id", flat=True))
    assert set(Addressee.objects.filter(tenant=tenant).values_list("approval", flat=True)) == asked
    assert Step.objects.filter(tenant=tenant).count() == sum(each.status == "parked" for each in jobs)


@pytest.mark.usefixtures("engine_db")
def test_the_same_number_gives_the_same_jobs_and_another_gives_others() -> None:
    first, second = factories.a_tenant(), factories.a_tenant()
    seed(20, 200, first, 7)
    seed(20, 200, second, 7)
    agents = [list(Job.objects.filter(tenant=each).order_by("created_at").values_list("agent", "status"))
              for each in (first, second)]  # fmt: skip
    assert len(agents[0]) == len(agents[1]) == 20
    with pytest.raises(Refusal, match="has jobs already"):
        seed(20, 200, first, 7)


@pytest.mark.usefixtures("engine_db")
@pytest.mark.parametrize(("jobs", "events", "why"), [(100, 100, "at least"), (100, 10**6, "at most")])
def test_numbers_that_do_not_fit_are_refused_and_nothing_is_written(jobs: int, events: int, why: str) -> None:
    tenant = factories.a_tenant()
    with pytest.raises(Refusal, match=why):
        seed(jobs, events, tenant)
    assert not Event.objects.filter(tenant=tenant).exists()


@pytest.mark.usefixtures("fresh_database")
def test_a_database_that_is_in_use_is_refused_and_an_empty_one_only_seeded_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []

    def answer(text: str) -> str:
        said.append(text)
        return "no"

    monkeypatch.setattr("builtins.input", answer)
    with pytest.raises(CommandError, match="nothing was written"):
        call_command("aetheris_seed", jobs=20, events=200)
    assert "cannot be removed" in said[0]
    assert not Job.objects.exists()
    out = StringIO()
    call_command("aetheris_seed", jobs=20, events=200, yes=True, stdout=out)
    assert "20 jobs with" in out.getvalue()
    call_command("aetheris_seed", jobs=20, events=200, tenant="more", yes=True, stdout=out)
    factories.a_job()
    with pytest.raises(CommandError, match="was not seeded"):
        call_command("aetheris_seed", jobs=20, events=200, tenant="third", yes=True)
