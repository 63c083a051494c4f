"""A legal hold beats erasing, pruning and retention, whatever it is on, until somebody releases it."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.errors import Illegal, Invalid, NotAllowed, NotFound
from jobs.core.moments import plus, text
from jobs.models import Event, Hold, HoldRelease, Job
from jobs.queries.holds import holds_of
from jobs.services import deliver_due, erase, hold, prune, release, retain, submit
from jobs.testing import run_until_parked
from tests.engine.driving import a_word
from tests.factories import a_tenant, person
from tests.forensics.forgetting import WHY

pytestmark = pytest.mark.usefixtures("here")
NOBODY = type(person())(id="u", name="u")


def done(tenant: str, *tags: str, who: str = "ann") -> Job:
    job = submit("looker", {"word": a_word()}, actor=person(who, tenant=tenant), tags=tags)
    run_until_parked(job)
    deliver_due()
    return Job.objects.get(id=job)


SCOPES: dict[str, Any] = {
    "job": lambda job: ("job", str(job.id)),
    "tag": lambda job: ("tag", "case-7"),
    "agent": lambda job: ("agent", "looker"),
    "requester by id": lambda job: ("requester", "u-ann"),
    "requester by name": lambda job: ("requester", "ann"),
    "query": lambda job: ("query", {"agent": "looker", "tag": "case-7", "status": "completed", "requester": "ann"}),
    "query by time": lambda job: ("query", {"since": text(job.created_at), "until": plus(text(job.created_at), 1.0)}),
}  # fmt: skip


@pytest.mark.parametrize("scope", SCOPES)
def test_a_hold_beats_erasing_pruning_and_retention(scope: str, settings: Any) -> None:
    tenant = a_tenant()
    officer = person("officer", tenant=tenant)
    job = done(tenant, "case-7", "other")
    settings.AETHERIS = {
        **settings.AETHERIS,
        "RETENTION": [{"agent": "looker", "keep": "1ms", "then": "prune"}],
    }
    placed = hold(*SCOPES[scope](job), reason="case 7 is in court", actor=officer)
    why = {**WHY, "actor": officer}
    for take in (
        lambda: erase(job.id, everything=True, **why),
        lambda: prune(job.id, reason="r", actor=officer),
    ):
        with pytest.raises(Illegal, match="case 7 is in court") as refused:
            take()
        assert refused.value.code == "legal_hold"
        assert refused.value.details["holds"] == [str(placed.id)]
        assert str(placed.id) in refused.value.message
    kept = retain(tenant)
    assert (kept.pruned, kept.refused) == (0, 1)
    assert kept.due[0]["refused"]["code"] == "legal_hold"
    assert not Event.objects.filter(job_id=job.id, body__isnull=True).exists()
    release(placed.id, reason="settled", actor=officer)
    assert retain(tenant).pruned == 1


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        ("tag", "case"),
        ("tag", "case-77"),
        ("agent", "lookerx"),
        ("requester", "bob"),
        ("query", {"status": "failed"}),
        ("query", {"agent": "looker", "tag": "no"}),
        ("query", {"since": "2200-01-01T00:00:00Z"}),
        ("query", {"until": "2000-01-01T00:00:00+02:00"}),
        ("query", {"version": "99"}),
    ],
)
def test_a_hold_is_on_what_it_says_and_on_nothing_else(scope: str, value: Any) -> None:
    tenant = a_tenant()
    job = done(tenant, "case-7")
    hold(scope, value, reason="r", actor=person("officer", tenant=tenant))
    assert holds_of(job) == []
    prune(job.id, reason="r", actor=person("officer", tenant=tenant))


def test_a_hold_covers_jobs_that_come_later_and_only_those_of_its_tenant() -> None:
    tenant, other = a_tenant(), a_tenant()
    hold("agent", "looker", reason="r", actor=person("officer", tenant=tenant))
    assert len(holds_of(done(tenant))) == 1
    assert holds_of(done(other)) == []


def test_two_holds_are_two_and_each_is_released_by_itself() -> None:
    tenant = a_tenant()
    officer = person("officer", tenant=tenant)
    job = done(tenant, "case-7")
    first = hold("tag", "case-7", reason="one", actor=officer)
    second = hold("job", str(job.id), reason="two", actor=officer)
    release(first.id, reason="over", actor=officer)
    assert [each.id for each in holds_of(job)] == [second.id]
    with pytest.raises(Illegal) as twice:
        release(first.id, reason="over", actor=officer)
    assert twice.value.code == "released_already"
    assert Hold.objects.filter(tenant=tenant).count() == 2
    row = HoldRelease.objects.get(hold=first.id)
    assert (row.reason, row.released_by_name) == ("over", "officer")


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        ("world", "x"),
        ("tag", ""),
        ("tag", 7),
        ("query", {}),
        ("query", {"size": "1"}),
        ("query", {"status": "odd"}),
        ("query", {"since": "yesterday"}),
        ("query", {"since": "2030-01-01T00:00:00"}),
        ("query", "agent"),
        ("query", {"agent": ["x"]}),
    ],
)
def test_a_hold_that_cannot_be_meant_is_refused(scope: str, value: Any) -> None:
    with pytest.raises(Invalid):
        hold(scope, value, reason="r", actor=person("officer"))


def test_a_hold_needs_its_permission_a_reason_and_a_job_of_its_own_tenant() -> None:
    job = done(a_tenant())
    with pytest.raises(NotAllowed, match="hold_job"):
        hold("agent", "looker", reason="r", actor=NOBODY)
    with pytest.raises(Invalid, match="reason"):
        hold("agent", "lookerx", reason=" ", actor=person("officer"))
    with pytest.raises(NotFound):
        hold("job", str(job.id), reason="r", actor=person("officer", tenant=a_tenant()))
    placed = hold("job", str(job.id), reason="r", actor=person("officer", tenant=job.tenant))
    with pytest.raises(NotFound):
        release(placed.id, reason="r", actor=person("officer", tenant=a_tenant()))
    with pytest.raises(NotFound):
        release("no id", reason="r", actor=person("officer"))
    with pytest.raises(NotAllowed, match="hold_job"):
        release(placed.id, reason="r", actor=NOBODY)


def test_erasing_needs_its_permission_its_ground_and_a_choice() -> None:
    job = done(a_tenant())
    officer = person("officer", tenant=job.tenant)
    with pytest.raises(NotAllowed, match="erase_job"):
        erase(job.id, everything=True, legal_basis="b", reason="r", actor=NOBODY)
    with pytest.raises(NotFound):
        erase(job.id, everything=True, legal_basis="b", reason="r", actor=person(tenant=a_tenant()))
    for basis, reason in (("", "r"), ("b", "  "), ("b", "r" * 2001)):
        with pytest.raises(Invalid):
            erase(job.id, everything=True, legal_basis=basis, reason=reason, actor=officer)
    choices: list[dict[str, Any]] = [{}, {"events": [1], "everything": True}, {"paths": []}, {"events": [99]}]
    for choice in [*choices, {"events": [0]}, {"events": [True]}, {"paths": [""]}]:
        with pytest.raises(Invalid):
            erase(job.id, legal_basis="b", reason="r", actor=officer, **choice)
    assert Job.objects.get(id=job.id).head_hash == job.head_hash
