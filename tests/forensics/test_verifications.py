"""Verifications of many jobs: by scope, resumed where a worker died, by two at once, cancelled; breaks and alarms."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from forensics import inspection
from forensics.inspection import alarms, working
from forensics.models import Breakage
from jobs import clock
from jobs.core.errors import Illegal, Invalid, KeyReused, NotFound
from jobs.core.moments import text
from jobs.models import Event, Job, Step
from tests.forensics.accessing import a_tenant
from tests.forensics.tampering import events_of, unguarded
from tests.forensics.verifying import ANN, found_by, jobs_of, standing, verified

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job in a snapshot of its own, as large ones are."""
    monkeypatch.setattr(working, "GROUP", 1)


EVENTS, JOBS = "aetheris_jobs_event", "aetheris_jobs_job"


def test_everything_of_an_untouched_tenant_verifies_and_is_counted() -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant)
    row = verified(tenant)
    assert (row.state, row.total, row.jobs, row.broken) == ("done", 3, 3, 0)
    assert row.events == Event.objects.filter(job_id__in=jobs).count()
    assert row.finished_at is not None
    assert standing(tenant) == set()
    told = inspection.verification_json(row)
    assert told["scope"] == {}
    assert told["rate"] > 0


def test_a_break_does_not_end_it_and_every_broken_job_is_listed_with_its_place() -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 4)
    with unguarded():
        Event.objects.filter(job_id=jobs[0], seq=2).delete()
        Job.objects.filter(id=jobs[2]).update(status="completed")
        row = verified(tenant)
        assert (row.jobs, row.broken, row.state) == (4, 2, "done")
        assert found_by(row) == [(jobs[0], "missing", EVENTS, "3"), (jobs[2], "derived_row", JOBS, jobs[2])]
        assert inspection.breakages_of(row)[1].column == "status"
        assert standing(tenant) == {f"job:{jobs[0]}", f"job:{jobs[2]}"}


def test_an_alarm_stands_until_the_record_is_found_whole_again() -> None:
    tenant, heard = a_tenant(), []
    [job] = jobs_of(tenant, 1)

    def listen(sender: object, **told: object) -> None:
        heard.append((told["tenant"], str(told["job"])))

    alarms.broken.connect(listen)
    try:
        Job.objects.filter(id=job).update(outcome="forged")
        first = verified(tenant)
        again = verified(tenant)
    finally:
        alarms.broken.disconnect(listen)
    assert (first.broken, again.broken) == (1, 1)
    assert heard == [(tenant, job)]  # once, although it was found twice
    [alarm] = alarms.standing(tenant)
    assert (alarm.verification, alarm.kind, alarm.column) == (again.id, "derived_row", "outcome")
    Job.objects.filter(id=job).update(outcome="")
    verified(tenant)
    assert standing(tenant) == set()


def test_a_job_that_was_broken_and_is_gone_stays_an_alarm() -> None:
    tenant = a_tenant()
    [job] = jobs_of(tenant, 1)
    with unguarded():
        Job.objects.filter(id=job).update(outcome="forged")
        verified(tenant)
        Event.objects.filter(job_id=job).delete()
        Step.objects.filter(job_id=job).delete()
        Job.objects.filter(id=job).delete()
        row = verified(tenant)
        assert found_by(row) == [(job, "missing", JOBS, job)]
        assert standing(tenant) == {f"job:{job}"}


def test_a_scope_holds_the_jobs_of_its_time_agent_and_status() -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 4)
    moments = [
        text(each)
        for each in Job.objects.filter(tenant=tenant)
        .order_by("created_at")
        .values_list("created_at", flat=True)
    ]
    for scope, count in (
        ({"since": moments[1]}, 3), ({"until": moments[1]}, 1), ({"since": moments[1], "until": moments[3]}, 2),
        ({"agent": "stage"}, 4), ({"agent": "other"}, 0), ({"status": "parked"}, 4), ({"status": "failed"}, 0),
    ):  # fmt: skip
        row = verified(tenant, **scope)
        assert (row.total, row.jobs) == (count, count), scope
    with unguarded():
        Event.objects.filter(job_id=jobs[0]).update(job_id=uuid4())
        assert [kind for _, kind, _, _ in found_by(verified(tenant, since=moments[1]))] == []


@pytest.mark.parametrize("scope", [{"status": "sleeping"}, {"since": "2026-01-02T00:00:00.000000Z", "until": "2026-01-01T00:00:00.000000Z"}])  # fmt: skip
def test_a_scope_that_can_hold_no_job_is_refused(scope: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        inspection.ask(a_tenant(), inspection.Scope(**scope), ANN)


@pytest.mark.usefixtures("one_by_one")
def test_a_slice_hands_on_and_the_next_one_goes_on_where_it_stood() -> None:
    tenant = a_tenant()
    jobs_of(tenant, 3)
    row = inspection.ask(tenant, inspection.Scope(), ANN)
    seen = []
    for _ in range(3):
        assert inspection.run(row.id, 0.0) is True
        row.refresh_from_db()
        seen.append((row.jobs, row.state, row.claimed_until))
    assert seen == [(1, "running", None), (2, "running", None), (3, "running", None)]
    assert inspection.run(row.id, 0.0) is False
    row.refresh_from_db()
    assert (row.jobs, row.state) == (3, "done")


@pytest.mark.usefixtures("one_by_one")
def test_where_a_worker_died_another_goes_on_after_its_claim_and_nothing_is_counted_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 4)
    Job.objects.filter(id__in=[jobs[0], jobs[2]]).update(outcome="forged")
    monkeypatch.setattr(working, "SAVE", 0.0)
    row = inspection.ask(tenant, inspection.Scope(), ANN)
    real, looked = working.look, []

    def dies(job: object, whose: str) -> object:
        looked.append(job)
        if len(looked) == 3:
            raise KeyboardInterrupt
        return real(job, whose)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "look", dies)
    with pytest.raises(KeyboardInterrupt):
        inspection.run(row.id, None)
    assert row.id not in inspection.waiting()  # it is still claimed
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    assert (row.jobs, row.state) == (2, "running")
    clock.shift(61)
    assert row.id in inspection.waiting()
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    assert (row.jobs, row.broken, row.state) == (4, 2, "done")
    assert [job for job, *_ in found_by(row)] == [jobs[0], jobs[2]]
    assert row.events == Event.objects.filter(job_id__in=jobs).count()


@pytest.mark.usefixtures("one_by_one")
def test_a_worker_that_was_thought_dead_writes_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 3)
    Job.objects.filter(id=jobs[0]).update(outcome="forged")
    row, real = inspection.ask(tenant, inspection.Scope(), ANN), working.look

    def late(job: object, whose: str) -> object:
        if str(job) == jobs[1]:
            monkeypatch.setattr(working, "look", real)
            clock.shift(61)
            inspection.run(row.id, None)
        return real(job, whose)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "look", late)
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    assert (row.jobs, row.broken, row.state) == (3, 1, "done")
    assert Breakage.objects.filter(verification=row.id).count() == 1


@pytest.mark.usefixtures("one_by_one")
def test_a_cancelled_verification_stops_and_keeps_what_it_has_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = a_tenant()
    jobs_of(tenant, 3)
    row, real, looked = inspection.ask(tenant, inspection.Scope(), ANN), working.look, []
    monkeypatch.setattr(working, "SAVE", 0.0)

    def cancels(job: object, whose: str) -> object:
        looked.append(job)
        if len(looked) == 2:
            inspection.cancel(row)
        return real(job, whose)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "look", cancels)
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    assert (row.jobs, row.state, len(looked)) == (1, "cancelled", 2)
    with pytest.raises(Illegal, match="has ended"):
        inspection.cancel(row)
    assert inspection.run(row.id, None) is False


@pytest.mark.usefixtures("one_by_one")
def test_a_job_whose_rows_cannot_even_be_read_is_a_break_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant, real = a_tenant(), inspection.inspect
    jobs = jobs_of(tenant, 3)

    def chokes(job: object) -> object:
        if str(job) == jobs[1]:
            raise ZeroDivisionError("nobody thought of that")
        return real(job)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "inspect", chokes)
    row = verified(tenant)
    assert (row.jobs, found_by(row)) == (3, [(jobs[1], "unreadable", JOBS, jobs[1])])


def test_the_same_key_gives_the_same_verification_and_another_scope_is_refused() -> None:
    tenant = a_tenant()
    first = inspection.ask(tenant, inspection.Scope(), ANN, "k")
    assert inspection.ask(tenant, inspection.Scope(), ANN, "k").id == first.id
    assert inspection.ask(a_tenant(), inspection.Scope(), ANN, "k").id != first.id
    with pytest.raises(KeyReused):
        inspection.ask(tenant, inspection.Scope(agent="x"), ANN, "k")
    with pytest.raises(NotFound):
        inspection.verification_for(a_tenant(), first.id)


@pytest.mark.usefixtures("one_by_one")
def test_a_large_job_keeps_the_claim_for_as_long_as_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = a_tenant()
    [job] = jobs_of(tenant, 1)
    kept = []

    def look(job: object, whose: str) -> object:
        row = inspection.verifications_of(tenant).get()
        assert row.claimed_until is not None
        kept.append(row.claimed_until - clock.now())
        return real(job, whose)  # type: ignore[arg-type]

    real = working.look
    monkeypatch.setattr(working, "look", look)
    with unguarded():
        Job.objects.filter(id=job).update(head_seq=10**15)
        verified(tenant)
    assert timedelta(minutes=59) < kept[0] < timedelta(minutes=62)
    assert events_of(job)


@pytest.mark.usefixtures("one_by_one")
def test_a_worker_that_was_thought_dead_writes_nothing_while_another_is_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = a_tenant()
    jobs_of(tenant, 3)
    row, real = inspection.ask(tenant, inspection.Scope(), ANN), working.look

    def late(job: object, whose: str) -> object:
        monkeypatch.setattr(working, "look", real)
        clock.shift(61)
        assert inspection.run(row.id, 0.0) is True
        return real(job, whose)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "look", late)
    assert inspection.run(row.id, None) is False
    row.refresh_from_db()
    assert (row.jobs, row.state) == (1, "running")


@pytest.mark.usefixtures("one_by_one")
def test_jobs_of_one_moment_are_looked_at_one_after_the_other() -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 3)
    Job.objects.filter(id__in=jobs).update(created_at=Job.objects.get(id=jobs[0]).created_at)
    row = inspection.ask(tenant, inspection.Scope(), ANN)
    while inspection.run(row.id, 0.0):
        continue
    row.refresh_from_db()
    assert (row.jobs, row.broken) == (3, 2)
