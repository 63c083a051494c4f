"""Verifications over HTTP: started once per key, read with progress and breaks, cancelled; who may, and whose they are."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from forensics import inspection, tasks
from forensics.models import Access, Alarm
from jobs.models import Event, Job
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, refused
from tests.forensics.accessing import a_tenant
from tests.forensics.verifying import jobs_of, standing

pytestmark = pytest.mark.usefixtures("engine_db")
HERE = "forensics/verifications"


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verifications of which a worker would have been told."""
    heard: list[str] = []
    monkeypatch.setattr(tasks, "tell_verification", heard.append)
    return heard


def a_verifier(tenant: str) -> Caller:
    return Caller(stage.person(*stage.OPERATOR, "view_forensics", "verify"), tenant=tenant)


def test_everything_is_verified_by_a_worker_and_every_break_is_listed(told: list[str]) -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 3)
    Job.objects.filter(id__in=jobs[:2]).update(outcome="forged")
    caller = a_verifier(tenant)
    answer = caller.post(HERE, {})
    assert answer.status_code == 202
    key = answer.json()["id"]
    assert answer.headers["Location"].endswith(f"/api/{HERE}/{key}")
    assert told == [key]
    assert (answer.json()["state"], answer.json()["total"]) == ("queued", 3)
    tasks.verification(key)
    found = caller.get(f"{HERE}/{key}").json()
    assert (found["state"], found["jobs"], found["broken"], found["source"]) == ("done", 3, 2, "api")
    first = caller.get(f"{HERE}/{key}/breaks?limit=1").json()
    second = caller.get(first["next"]).json()
    breaks = first["results"] + second["results"]
    assert [each["job"] for each in breaks] == jobs[:2]
    assert {(each["kind"], each["table"], each["column"]) for each in breaks} == {("derived_row", "aetheris_jobs_job", "outcome")}  # fmt: skip
    assert [each["id"] for each in caller.get(f"{HERE}?state=done").json()["results"]] == [key]
    assert caller.get(f"{HERE}?state=queued").json()["results"] == []


def test_a_broken_record_is_told_where_people_look_until_it_is_whole() -> None:
    tenant = a_tenant()
    [job] = jobs_of(tenant, 1)
    caller = a_verifier(tenant)
    assert caller.get("system/overview").json()["broken_records"] == 0
    Job.objects.filter(id=job).update(outcome="forged")
    assert caller.post(f"jobs/{job}/verify").json()["ok"] is False
    assert caller.get("system/overview").json()["broken_records"] == 1
    [entry] = [
        each for each in caller.get("system/stuck").json()["results"] if each["cause"] == "broken_record"
    ]
    assert (entry["job"], "outcome" in entry["why"]) == (job, True)
    metrics = caller.client.get("/metrics").content.decode()
    standing_now = Alarm.objects.filter(cleared_at__isnull=True).count()
    assert f"aetheris_broken_jobs {float(standing_now)}" in metrics
    assert "aetheris_events_verified_total" in metrics
    Job.objects.filter(id=job).update(outcome="")
    caller.post(f"jobs/{job}/verify", {"after": 1})
    assert standing(tenant) == {f"job:{job}"}  # a look at a part lets no alarm fall
    assert caller.post(f"jobs/{job}/verify").json()["ok"] is True
    assert caller.get("system/overview").json()["broken_records"] == 0


def test_the_same_key_and_body_start_one_verification(told: list[str]) -> None:
    caller = a_verifier(a_tenant())
    first = caller.post(HERE, {"since": "24h"}, Idempotency_Key="k").json()
    again = caller.post(HERE, {"since": "24h"}, Idempotency_Key="k").json()
    assert again["id"] == first["id"]
    refused(caller.post(HERE, {"since": "12h"}, Idempotency_Key="k"), 422, "idempotency_key_reused")


def test_a_scope_that_is_none_is_refused_by_name() -> None:
    caller = a_verifier(a_tenant())
    assert named(refused(caller.post(HERE, {"since": "yesterday"}), 422, "invalid")) == {"since"}
    assert named(refused(caller.post(HERE, {"status": "asleep"}), 422, "invalid")) == {"status"}
    assert named(refused(caller.post(HERE, {"everything": True}), 422, "invalid")) == {"everything"}
    refused(caller.get(f"{HERE}?who=me"), 422, "unknown_parameter")


def test_one_that_has_not_ended_can_be_cancelled() -> None:
    tenant = a_tenant()
    jobs_of(tenant, 1)
    caller = a_verifier(tenant)
    key = caller.post(HERE, {}).json()["id"]
    assert caller.post(f"{HERE}/{key}/cancel").json()["state"] == "cancelled"
    refused(caller.post(f"{HERE}/{key}/cancel"), 409, "verification_ended")
    tasks.verification(key)
    assert caller.get(f"{HERE}/{key}").json()["jobs"] == 0


def test_reading_and_starting_take_their_permissions_and_another_tenants_are_not_there() -> None:
    tenant = a_tenant()
    key = a_verifier(tenant).post(HERE, {}).json()["id"]
    reader = Caller(stage.person(*stage.OPERATOR, "view_forensics"), tenant=tenant)
    assert reader.get(f"{HERE}/{key}").status_code == 200
    for path in (HERE, f"{HERE}/{key}/cancel"):
        assert (
            "aetheris_forensics.verify" in refused(reader.post(path, {}), 403, "permission_missing")["detail"]
        )
    refused(Caller(stage.person(*stage.OPERATOR), tenant=tenant).get(HERE), 403, "permission_missing")
    stranger = a_verifier(a_tenant())
    for path in (f"{HERE}/{key}", f"{HERE}/{key}/breaks"):
        refused(stranger.get(path), 404, "not_found")
    refused(stranger.post(f"{HERE}/{key}/cancel"), 404, "not_found")
    assert stranger.get(HERE).json()["results"] == []


def test_starting_one_is_an_access() -> None:
    tenant = a_tenant()
    a_verifier(tenant).post(HERE, {"agent": "x"})
    [entry] = Access.objects.filter(tenant=tenant)
    assert (entry.action, entry.outcome) == ("verify", "granted")


def test_a_part_of_a_jobs_events_is_verified() -> None:
    tenant = a_tenant()
    [job] = jobs_of(tenant, 1)
    caller = a_verifier(tenant)
    last = Event.objects.filter(job_id=job).count()
    verify = f"jobs/{job}/verify"
    for body, events, head in (
        ({"after": 2}, last - 2, last),
        ({"until": 3}, 3, 3),
        ({"after": 1, "until": 3}, 2, 3),
    ):
        found = caller.post(verify, body).json()
        assert (found["ok"], found["events"], found["head"]["seq"]) == (True, events, head), body
    for wrong in ({"after": last + 1}, {"after": 3, "until": 3}):
        refused(caller.post(verify, wrong), 422, "no_such_events")
    assert named(refused(caller.post(verify, {"after": -1}), 422, "invalid")) == {"after"}


def test_a_sweep_tells_of_what_nobody_is_at(told: list[str], settings: Any) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "VERIFY_EVERY": ""}
    tenant = a_tenant()
    key = a_verifier(tenant).post(HERE, {}).json()["id"]
    told.clear()
    tasks.verifications()
    assert key in told
    tasks.verification(key)
    told.clear()
    tasks.verifications()
    assert key not in told
    assert not inspection.verifications_of(tenant).filter(source="nightly").exists()
    tasks.verification(str(uuid4()))  # one that is not there is nothing to do
