"""Erasing, legal holds, tombstones and retention over HTTP: who may, what it says, and that a double click does no harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

import pytest

from forensics import standalone
from jobs.core.commands import Actor
from jobs.models import Event, Hold, Job, Tombstone
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nobody_special, refused

pytestmark = pytest.mark.usefixtures("engine_db")
ERASE: dict[str, Any] = {
    "everything": True,
    "legal_basis": "Art. 17 (1) (b) GDPR",
    "reason": "she asked for it",
}


@pytest.fixture
def officer() -> Caller:
    """Somebody who may hold, erase and prune, in a tenant of their own."""
    return Caller(stage.person(*stage.OFFICER), tenant=f"t-{uuid4().hex[:12]}")


def boss(caller: Caller) -> Actor:
    return Actor(id="boss", name="Boss", tenant=caller.tenant, superuser=True)


def test_erasing_says_what_went_and_the_same_again_changes_nothing(officer: Caller) -> None:
    job = stage.ended(boss(officer))
    looked = officer.post(f"jobs/{job}/erase", {**ERASE, "dry_run": True}).json()
    assert looked["refused"] is None
    assert looked["erased"] == []
    assert not Event.objects.filter(job_id=job, body__isnull=True).exists()
    told = officer.post(f"jobs/{job}/erase", ERASE)
    assert told.status_code == 200
    assert [each["seq"] for each in told.json()["erased"]] == [each["seq"] for each in looked["events"]] != []
    again = officer.post(f"jobs/{job}/erase", ERASE).json()
    assert (again["erased"], again["head"]) == ([], told.json()["head"])
    entries = Caller(stage.person("view_forensics"), tenant=officer.tenant).get(
        f"forensics/access?job={job}&what=erase"
    )
    assert {each["question"] for each in entries.json()["results"]} == {"erase", "erased"}


def test_erasing_needs_a_ground_a_choice_its_permission_and_an_end(officer: Caller) -> None:
    job, running = stage.ended(boss(officer)), stage.job(stage.waiting(), actor=boss(officer))
    refused(officer.post(f"jobs/{job}/erase", {**ERASE, "legal_basis": " "}), 422, "reason_missing")
    refused(officer.post(f"jobs/{job}/erase", {**ERASE, "events": [1]}), 422, "no_choice")
    problem = refused(officer.post(f"jobs/{job}/erase", {**ERASE, "everything": "yes"}), 422, "invalid")
    assert named(problem) == {"everything"}
    refused(officer.post(f"jobs/{running}/erase", ERASE), 409, "job_running")
    refused(
        Caller(nobody_special(), tenant=officer.tenant).post(f"jobs/{job}/erase", ERASE),
        403,
        "permission_missing",
    )
    refused(Caller(stage.person(*stage.OFFICER)).post(f"jobs/{job}/erase", ERASE), 404, "not_found")


def test_a_hold_is_placed_once_stands_in_the_way_and_is_released(officer: Caller) -> None:
    job, key = stage.ended(boss(officer)), uuid4().hex
    first = officer.post(f"jobs/{job}/hold", {"reason": "case 7"}, Idempotency_Key=key)
    assert first.status_code == 201
    assert officer.post(f"jobs/{job}/hold", {"reason": "case 7"}, Idempotency_Key=key).json() == first.json()
    refused(
        officer.post(f"jobs/{job}/hold", {"reason": "another"}, Idempotency_Key=key),
        422,
        "idempotency_key_reused",
    )
    assert Hold.objects.filter(tenant=officer.tenant).count() == 1
    hold = first.json()["id"]
    assert officer.get(first.headers["Location"]).json()["placed_by"]["name"] == officer.user.username
    problem = refused(officer.post(f"jobs/{job}/erase", ERASE), 409, "legal_hold")
    assert problem["holds"] == [hold]
    assert (
        officer.post(f"jobs/{job}/erase", {**ERASE, "dry_run": True}).json()["refused"]["code"]
        == "legal_hold"
    )
    assert [each["id"] for each in officer.get(f"jobs/{job}/hold").json()["results"]] == [hold]
    assert (
        officer.post(f"forensics/holds/{hold}/release", {"reason": "settled"}).json()["released"]["reason"]
        == "settled"
    )
    refused(officer.post(f"forensics/holds/{hold}/release", {"reason": "settled"}), 409, "released_already")
    assert officer.get(f"jobs/{job}/hold").json()["results"] == []
    assert [each["id"] for each in officer.get("forensics/holds?state=released").json()["results"]] == [hold]
    assert officer.get("forensics/holds?state=standing").json()["results"] == []
    refused(officer.get("forensics/holds?state=odd"), 422, "bad_state")
    refused(officer.get("forensics/holds?stat=standing"), 422, "unknown_parameter")
    assert officer.post(f"jobs/{job}/erase", ERASE).status_code == 200


def test_a_hold_is_on_whatever_fits(officer: Caller) -> None:
    body = {"scope": "query", "value": {"agent": "stage", "status": "cancelled"}, "reason": "case 8"}
    assert officer.post("forensics/holds", body).status_code == 201
    refused(officer.post(f"jobs/{stage.ended(boss(officer))}/erase", ERASE), 409, "legal_hold")
    refused(officer.post("forensics/holds", {**body, "value": {"size": "1"}}), 422, "bad_query")
    refused(
        officer.post("forensics/holds", {**body, "scope": "job", "value": str(uuid4())}), 404, "not_found"
    )
    refused(officer.post("forensics/holds", {**body, "scope": "world"}), 422, "invalid")


def test_what_concerns_holds_needs_its_permission_and_stays_in_its_tenant(officer: Caller) -> None:
    job = stage.ended(boss(officer))
    hold = officer.post(f"jobs/{job}/hold", {"reason": "case 7"}).json()["id"]
    nobody, other = Caller(nobody_special(), tenant=officer.tenant), Caller(stage.person(*stage.OFFICER))
    for path in (
        "forensics/holds",
        f"forensics/holds/{hold}",
        f"jobs/{job}/hold",
        "forensics/tombstones",
        "forensics/retention",
    ):
        refused(nobody.get(path), 403, "permission_missing")
    refused(nobody.post(f"jobs/{job}/hold", {"reason": "r"}), 403, "permission_missing")
    refused(nobody.post(f"forensics/holds/{hold}/release", {"reason": "r"}), 403, "permission_missing")
    refused(other.get(f"forensics/holds/{hold}"), 404, "not_found")
    refused(other.post(f"forensics/holds/{hold}/release", {"reason": "r"}), 404, "not_found")


def test_a_pruned_job_answers_with_its_tombstone(officer: Caller) -> None:
    job = stage.pruned(boss(officer))
    problem = refused(officer.get(f"jobs/{job}"), 410, "job_pruned")
    assert problem["tombstone"]["reason"] == "kept long enough"
    for path in (f"jobs/{job}/events", f"jobs/{job}/trace", f"jobs/{job}/hold"):
        refused(officer.get(path), 410, "job_pruned")
    for path in (f"jobs/{job}/erase", f"jobs/{job}/hold", f"jobs/{job}/verify"):
        refused(officer.post(path, {"reason": "r"} if path.endswith("hold") else {}), 410, "job_pruned")
    told = officer.get(f"forensics/tombstones/{job}").json()
    assert (told["problem"], told["pruned_by"]["name"]) == (None, "Boss")
    assert [each["job"] for each in officer.get("forensics/tombstones?agent=stage").json()["results"]] == [
        job
    ]
    assert officer.get("forensics/tombstones?agent=other").json()["results"] == []
    refused(officer.get(f"forensics/tombstones/{uuid4()}"), 404, "not_found")
    refused(Caller(stage.person(*stage.OFFICER)).get(f"jobs/{job}"), 404, "not_found")


def test_retention_only_looks_unless_told_otherwise(officer: Caller, settings: Any) -> None:
    job = stage.ended(boss(officer))
    settings.AETHERIS = {
        **settings.AETHERIS,
        "RETENTION": [{"agent": "stage", "keep": "1ms"}, {"preset": "gdpr"}],
    }
    told = officer.get("forensics/retention").json()
    assert [each["said"].split()[0] for each in told["policies"]] == ["agent=stage", "gdpr@1"]
    assert {each["name"] for each in told["presets"]} == {"gdpr", "sox", "hipaa"}
    looked = officer.post("forensics/retention").json()
    assert (looked["dry_run"], [each["job"] for each in looked["jobs"]]) == (True, [job])
    assert Job.objects.filter(id=job).exists()
    mere = Caller(stage.person("view_tombstone", "erase_job"), tenant=officer.tenant)
    refused(mere.post("forensics/retention", {"dry_run": False}), 403, "permission_missing")
    assert officer.post("forensics/retention", {"dry_run": False}).json()["pruned"] == 1
    assert officer.post("forensics/retention", {"dry_run": False}).json()["pruned"] == 0
    assert Tombstone.objects.get(job_id=job).policy.startswith("agent=stage")
    refused(officer.post("forensics/retention", {"after": "x"}), 422, "bad_place")


PRUNE: dict[str, Any] = {"dry_run": False, "legal_basis": "Art. 5 (1) (e) GDPR", "reason": "its time is over"}


@pytest.fixture
def archive(settings: Any, tmp_path: Any) -> Any:
    """The folder for packages."""
    settings.AETHERIS = {**settings.AETHERIS, "ARCHIVE_FOLDER": str(tmp_path / "archive")}
    return tmp_path / "archive"


def _seen(officer: Caller, job: str) -> dict[str, Any]:
    told = officer.post(f"jobs/{job}/prune")
    assert told.status_code == 200
    return {**PRUNE, "head": told.json()["head"]["hash"]}


def test_a_job_is_looked_at_archived_pruned_and_a_second_click_gives_the_same_tombstone(
    officer: Caller, archive: Any
) -> None:
    job = stage.ended(boss(officer))
    looked = officer.post(f"jobs/{job}/prune").json()
    assert (looked["dry_run"], looked["refused"], looked["tombstone"]) == (True, None, None)
    assert looked["events"] == Job.objects.get(id=job).head_seq
    assert not archive.exists()
    wish = _seen(officer, job)
    told = officer.post(f"jobs/{job}/prune", wish).json()
    stone = told["tombstone"]
    assert (told["already"], stone["reason"], stone["basis"], stone["problem"]) == (
        False, wish["reason"], wish["legal_basis"], None,
    )  # fmt: skip
    assert stone["pruned_by"]["name"] == officer.user.username
    assert not Job.objects.filter(id=job).exists()
    package = Path(stone["archive"]["path"])
    assert package.parent == archive / officer.tenant
    report = standalone.verify(package)
    assert report.problem is None
    assert standalone.sha256(package.read_bytes()) == stone["archive"]["sha256"]
    again = officer.post(f"jobs/{job}/prune", wish).json()
    assert (again["already"], again["tombstone"]) == (True, stone)
    assert officer.post(f"jobs/{job}/prune").json()["tombstone"] == stone
    assert Tombstone.objects.filter(tenant=officer.tenant).count() == 1
    auditor = Caller(stage.person("view_forensics"), tenant=officer.tenant)
    entries = auditor.get(f"forensics/access?job={job}&what=prune").json()["results"]
    assert [each["question"] for each in entries].count("pruned") == 1


def test_pruning_needs_a_look_a_ground_a_folder_its_permission_and_an_end(
    officer: Caller, archive: Any
) -> None:
    job, running = stage.ended(boss(officer)), stage.job(stage.waiting(), actor=boss(officer))
    wish = _seen(officer, job)
    refused(officer.post(f"jobs/{job}/prune", {**wish, "head": ""}), 409, "head_moved")
    refused(officer.post(f"jobs/{job}/prune", {**wish, "head": "0" * 64}), 409, "head_moved")
    for name in ("reason", "legal_basis"):
        refused(officer.post(f"jobs/{job}/prune", {**wish, name: " "}), 422, "reason_missing")
    refused(officer.post(f"jobs/{job}/prune", {**wish, "folder": "/etc"}), 422, "invalid")
    looked = officer.post(f"jobs/{running}/prune").json()
    assert looked["refused"]["code"] == "job_running"
    refused(officer.post(f"jobs/{running}/prune", _seen(officer, running)), 409, "job_running")
    mere = Caller(stage.person("view_job", "erase_job", "hold_job"), tenant=officer.tenant)
    stranger = Caller(stage.person(*stage.OFFICER), tenant=f"t-{uuid4().hex[:12]}")
    for body in ({}, wish):
        refused(mere.post(f"jobs/{job}/prune", body), 403, "permission_missing")
        refused(stranger.post(f"jobs/{job}/prune", body), 404, "not_found")
        refused(officer.post(f"jobs/{uuid4()}/prune", body), 404, "not_found")
    assert Job.objects.filter(id=job).exists()
    assert not archive.exists()


def test_a_hold_refuses_a_pruning_and_nothing_is_archived(officer: Caller, archive: Any) -> None:
    job = stage.ended(boss(officer))
    hold = officer.post(f"jobs/{job}/hold", {"reason": "case 7", "reference": "AZ 7/26"}).json()
    assert (hold["reference"], hold["through"]) == ("AZ 7/26", None)
    assert officer.post(f"jobs/{job}/prune").json()["refused"]["code"] == "legal_hold"
    problem = refused(officer.post(f"jobs/{job}/prune", _seen(officer, job)), 409, "legal_hold")
    assert problem["holds"] == [hold["id"]]
    assert Job.objects.filter(id=job).exists()
    assert not list(archive.glob("**/*.zip"))


def test_without_a_folder_a_job_goes_only_without_a_package(officer: Caller, settings: Any) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "ARCHIVE_FOLDER": ""}
    job = stage.ended(boss(officer))
    wish = _seen(officer, job)
    refused(officer.post(f"jobs/{job}/prune", wish), 422, "no_archive_folder")
    told = officer.post(f"jobs/{job}/prune", {**wish, "archive": False}).json()
    assert told["tombstone"]["archive"] is None


def test_two_clicks_at_the_same_moment_prune_once(officer: Caller, archive: Any) -> None:
    """The other was faster between the look for a tombstone and the taking away."""
    from jobs.services import prune_seen, pruning, pruning_asked

    job, actor = stage.ended(boss(officer)), boss(officer)
    wish: dict[str, Any] = {
        "head": Job.objects.get(id=job).head_hash,
        "reason": "r",
        "legal_basis": "b",
        "actor": actor,
    }
    slow = pruning.taken_away

    def overtaken(*args: Any, **more: Any) -> Any:
        with patch.object(pruning_asked, "taken_away", slow):
            assert prune_seen(job, **wish)[1] is False
        return slow(*args, **more)

    with patch.object(pruning_asked, "taken_away", overtaken):
        stone, before = prune_seen(job, **wish)
    assert before
    assert stone.job_id == UUID(job)
    assert len(list(archive.glob("**/*.zip"))) == 1
