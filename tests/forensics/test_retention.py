"""Retention does what the settings say: once, whatever breaks off in between, and however many do it at once."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from forensics import standalone
from forensics.services import verify_job
from jobs import archiving, submit
from jobs.conf import check
from jobs.core.errors import Invalid
from jobs.models import Event, Job, Tombstone
from jobs.services import deliver_due, hold, retain
from jobs.services.retaining import known
from jobs.testing import run_until_parked
from jobs.tombstones import problem_of
from tests.engine.driving import a_word
from tests.factories import a_tenant, person

pytestmark = pytest.mark.usefixtures("here")


def done(tenant: str, *tags: str, agent: str = "looker") -> str:
    job = submit(agent, {"word": a_word()}, actor=person(tenant=tenant), tags=tags)
    run_until_parked(job)
    deliver_due()
    return str(job)


@pytest.fixture
def policies(settings: Any) -> Any:
    """Say what the policies are."""

    def say(*given: dict[str, Any]) -> None:
        settings.AETHERIS = {**settings.AETHERIS, "RETENTION": list(given)}

    return say


def test_without_a_policy_everything_is_kept_for_ever() -> None:
    tenant = a_tenant()
    done(tenant)
    assert known() == ()
    assert retain(tenant).to_json() == {
        "dry_run": False,
        "pruned": 0,
        "erased": 0,
        "refused": 0,
        "more": False,
        "next": "",
        "jobs": [],
    }


def test_the_first_policy_that_fits_holds(policies: Any) -> None:
    tenant = a_tenant()
    policies(
        {"tag": "keep", "keep": "forever"}, {"tag": "soft", "keep": "1ms", "then": "erase"}, {"status": "failed", "keep": "1ms"},
        {"agent": "looker", "tag": "old", "keep": "1ms", "then": "prune"}, {"keep": "90d", "then": "prune"},
    )  # fmt: skip
    kept, soft, old, young = (
        done(tenant, "keep", "old"),
        done(tenant, "soft", "old"),
        done(tenant, "old"),
        done(tenant, "x"),
    )
    report = retain(tenant)
    assert (report.pruned, report.erased, report.refused, report.more) == (1, 1, 0, False)
    assert Tombstone.objects.filter(job_id=old).exists()
    assert Event.objects.filter(job_id=soft, body__isnull=True).exists()
    for job in (kept, young):
        assert not Event.objects.filter(job_id=job, body__isnull=True).exists()
        assert Job.objects.filter(id=job).exists()
    assert verify_job(soft)["ok"]
    assert retain(tenant).due == [], "done is done"


def test_the_time_is_counted_from_the_end_of_the_job(policies: Any) -> None:
    tenant = a_tenant()
    job = done(tenant)
    policies({"agent": "looker", "keep": "1h"})
    assert retain(tenant).due == []
    Job.objects.filter(id=job).update(finished_at=Job.objects.get(id=job).finished_at - timedelta(hours=2))  # type: ignore[operator]
    assert retain(tenant, dry_run=True).due != []


def test_a_dry_run_says_what_would_go_and_touches_nothing(policies: Any) -> None:
    tenant = a_tenant()
    job = done(tenant)
    policies({"agent": "looker", "keep": "1ms"})
    before = Job.objects.get(id=job).head_hash
    told = retain(tenant, dry_run=True).to_json()
    assert [(each["job"], each["then"], each["refused"]) for each in told["jobs"]] == [(job, "prune", None)]
    assert Job.objects.get(id=job).head_hash == before


def test_an_archived_job_is_verified_before_it_goes(policies: Any, tmp_path: Path) -> None:
    tenant = a_tenant()
    job = done(tenant)
    policies({"agent": "looker", "keep": "1ms", "archive": str(tmp_path), "then": "prune", "basis": "Art. 5"})
    assert retain(tenant).pruned == 1
    stone = Tombstone.objects.get(job_id=job)
    assert (stone.pruned_by, stone.basis) == ("retention", "Art. 5")
    assert "keep=1ms" in stone.policy
    assert problem_of(stone) is None
    assert standalone.verify(Path(stone.archive), standalone.Wishes()).problem is None


def test_a_job_whose_record_is_broken_is_kept_and_the_others_go(policies: Any, tmp_path: Path) -> None:
    tenant = a_tenant()
    broken, sound = done(tenant), done(tenant)
    Job.objects.filter(id=broken).update(priority=9)
    policies({"agent": "looker", "keep": "1ms", "archive": str(tmp_path)})
    report = retain(tenant)
    assert (report.pruned, report.refused) == (1, 1)
    assert Job.objects.filter(id=broken).exists()
    assert not Job.objects.filter(id=sound).exists()


def test_an_archive_that_cannot_be_written_keeps_the_job(
    policies: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = a_tenant()
    job = done(tenant)
    policies({"agent": "looker", "keep": "1ms", "archive": str(tmp_path)})

    def full(job: Any, folder: Path) -> archiving.Archived:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archiving, "_known", [full])
    report = retain(tenant)
    assert (report.pruned, report.refused) == (0, 1)
    assert report.due[0]["refused"]["code"] == "archive_failed"
    assert Job.objects.filter(id=job).exists()


def test_slices_lead_to_the_same_end(policies: Any) -> None:
    tenant = a_tenant()
    jobs = [done(tenant) for _ in range(5)]
    policies({"agent": "looker", "keep": "1ms"})
    first = retain(tenant, most=2)
    assert (first.pruned, first.more) == (2, True)
    assert retain(tenant, seconds=0.0).more
    while retain(tenant, most=2).more:
        continue
    assert Tombstone.objects.filter(job_id__in=jobs).count() == 5


def test_a_slice_goes_on_behind_jobs_that_are_kept(policies: Any) -> None:
    """Or jobs under a hold that stand at the front would keep all the others for ever."""
    tenant = a_tenant()
    held, free = [done(tenant, "case") for _ in range(2)], [done(tenant) for _ in range(2)]
    hold("tag", "case", reason="r", actor=person("officer", tenant=tenant))
    policies({"agent": "looker", "keep": "1ms"})
    first = retain(tenant, most=2)
    assert (first.refused, first.pruned, first.more) == (2, 0, True)
    second = retain(tenant, most=2, after=first.next)
    assert (second.refused, second.pruned, second.more) == (0, 2, False)
    assert Job.objects.filter(id__in=held).count() == 2
    assert not Job.objects.filter(id__in=free).exists()
    for odd in ("x", "1/2/3", "0/yesterday/" + held[0]):
        with pytest.raises(Invalid):
            retain(tenant, after=odd)


def test_two_at_once_prune_each_job_once(policies: Any, tmp_path: Path) -> None:
    tenant = a_tenant()
    jobs = [done(tenant) for _ in range(6)]
    policies({"agent": "looker", "keep": "1ms", "archive": str(tmp_path)})
    reports: list[Any] = []

    def work() -> None:
        try:
            reports.append(retain(tenant, seconds=None))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.pruned for report in reports) == 6
    assert Tombstone.objects.filter(job_id__in=jobs).count() == 6
    assert len(list(tmp_path.rglob("*.zip"))) == 6
    for stone in Tombstone.objects.filter(job_id__in=jobs):
        assert standalone.verify(Path(stone.archive), standalone.Wishes()).problem is None
        assert problem_of(stone) is None


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("90d", "a list"),
        ([1], "policy 1: an object"),
        ([{"keep": "90d"}, {"keep": "soon"}], "policy 2: keep"),
        ([{}], "keep"),
        ([{"keep": "90d", "then": "burn"}], "then"),
        ([{"keep": "90d", "status": "running"}], "status"),
        ([{"keep": "90d", "user": "x"}], "'user' is unknown"),
        ([{"keep": "0s"}], "longer than nothing"),
        ([{"keep": "90d", "agent": 7}], "agent is text"),
        ([{"preset": "pci"}], "preset"),
        ([{"preset": "sox"}], "needs a folder"),
        ([{"keep": "90d", "archive": ""}], "archive is text"),
    ],
)
def test_a_policy_that_cannot_be_meant_stops_the_start(
    policies: Any, settings: Any, given: Any, why: str
) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "RETENTION": given}
    with pytest.raises(ImproperlyConfigured, match="RETENTION") as refused:
        check()
    assert why in str(refused.value)


def test_presets_have_a_version_rules_and_a_notice(policies: Any) -> None:
    policies(
        {"preset": "gdpr", "tag": "eu"},
        {"preset": "sox", "archive": "/x"},
        {"preset": "hipaa", "archive": "/x", "keep": "10d"},
    )
    check()
    gdpr, sox, hipaa = known()
    assert (gdpr.then, gdpr.preset, gdpr.keep) == ("erase", "gdpr@1", 180 * 86400.0)
    assert (sox.then, sox.archive) == ("prune", "/x")
    assert hipaa.keep == 10 * 86400.0, "what is said beside a preset holds"
    assert "gdpr@1" in gdpr.said
