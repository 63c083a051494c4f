"""Holds, erasing and tombstones in the admin: who may, what is asked first, and what is to be seen afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from forensics.services import verify_job
from jobs import services
from jobs.models import Event, Hold, HoldRelease, Job, Tombstone
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
ADMIN = "/admin/aetheris_jobs"


def _ended() -> str:
    officer = stage.person(*stage.OFFICER, *stage.OPERATOR)
    return str(stage.ended(stage.actor(officer)))


def test_a_hold_is_placed_on_the_jobs_page_beats_erasing_and_is_released_with_a_reason() -> None:
    job = _ended()
    officer = stage.browser(stage.person(*stage.OFFICER))
    page = stage.post(officer, f"{ADMIN}/job/{job}/do/hold/", {"reason": "case 7"}).content.decode()
    assert "The hold stands." in page
    assert "Legal hold (job)" in page
    told = {"legal_basis": "Art. 17", "reason": "asked to", "paths": ""}
    refused = stage.post(officer, f"{ADMIN}/job/{job}/do/erase/", told).content.decode()
    assert "legal hold" in refused
    assert not Event.objects.filter(job_id=job, body__isnull=True).exists()

    [hold] = Hold.objects.filter(value=job)
    assert "case 7" in officer.get(f"{ADMIN}/hold/").content.decode()
    shown = officer.get(f"{ADMIN}/hold/{hold.id}/change/").content.decode()
    assert "Release…" in shown
    assert stage.post(officer, f"{ADMIN}/hold/{hold.id}/release/", {"reason": ""}).status_code == 200
    assert not HoldRelease.objects.filter(hold=hold.id).exists()
    page = stage.post(officer, f"{ADMIN}/hold/{hold.id}/release/", {"reason": "case closed"}).content.decode()
    assert "The hold is released." in page
    assert "case closed" in page
    assert "Release…" not in page
    again = stage.post(
        officer, f"{ADMIN}/hold/{hold.id}/release/", {"reason": "twice"}, page=f"{ADMIN}/hold/"
    )
    assert "has been released before" in again.content.decode()
    assert str(hold.id) not in officer.get(f"{ADMIN}/hold/").content.decode()
    assert str(hold.id) in officer.get(f"{ADMIN}/hold/?state=released").content.decode()

    page = stage.post(officer, f"{ADMIN}/job/{job}/do/erase/", told).content.decode()
    assert "Erased" in page
    assert Event.objects.filter(job_id=job, body__isnull=True).exists()
    assert verify_job(job)["ok"]


@pytest.mark.parametrize("verb", ["hold", "erase", "prune"])
def test_who_may_not_gets_no_button_and_no_deed(verb: str) -> None:
    job = _ended()
    auditor = stage.browser(stage.person(*stage.OPERATOR, "view_hold"))
    assert f"do/{verb}/" not in auditor.get(f"{ADMIN}/job/{job}/change/").content.decode()
    told: dict[str, Any] = {"reason": "r", "legal_basis": "b"}
    answer = stage.post(auditor, f"{ADMIN}/job/{job}/do/{verb}/", told, page=f"{ADMIN}/job/")
    assert answer.status_code == 403
    assert not Hold.objects.filter(value=job).exists()
    assert not Event.objects.filter(job_id=job, body__isnull=True).exists()


def test_who_may_look_but_not_release_sees_the_hold_without_the_button() -> None:
    job = _ended()
    hold = services.hold("job", job, reason="case 8", actor=stage.actor(stage.person(*stage.OFFICER)))
    reader = stage.browser(stage.person("view_hold"))
    assert "Release…" not in reader.get(f"{ADMIN}/hold/{hold.id}/change/").content.decode()
    answer = stage.post(reader, f"{ADMIN}/hold/{hold.id}/release/", {"reason": "r"}, page=f"{ADMIN}/hold/")
    assert answer.status_code == 403
    assert stage.browser(stage.person()).get(f"{ADMIN}/hold/{hold.id}/change/").status_code in (302, 403, 404)


def test_a_job_that_runs_can_be_held_and_not_erased() -> None:
    job = stage.job(stage.asking(), stage.paying())
    page = stage.browser(stage.person(*stage.OFFICER)).get(f"{ADMIN}/job/{job}/change/").content.decode()
    assert "do/hold/" in page
    assert "do/erase/" not in page


def test_a_tombstone_says_who_when_why_how_many_and_what_was_signed() -> None:
    officer = stage.person(*stage.OFFICER)
    job = str(stage.pruned(stage.actor(officer)))
    browser = stage.browser(officer)
    assert job[-12:] in browser.get(f"{ADMIN}/tombstone/?q={job}").content.decode()
    page = browser.get(f"{ADMIN}/tombstone/{job}/change/").content.decode()
    row = Tombstone.objects.get(job_id=job)
    for words in (row.reason, row.head_hash, row.signature, "Events that went", "What was signed"):
        assert words in page
    assert browser.get(f"{ADMIN}/job/{job}/change/").status_code == 404


def test_a_job_is_pruned_on_a_page_that_shows_what_goes_and_a_second_click_shows_the_tombstone(
    settings: Any, tmp_path: Any
) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "ARCHIVE_FOLDER": str(tmp_path)}
    job = _ended()
    officer = stage.browser(stage.person(*stage.OFFICER))
    url = f"{ADMIN}/job/{job}/do/prune/"
    shown = officer.get(url).content.decode()
    head = Job.objects.get(id=job).head_hash
    assert f'value="{head}"' in shown
    assert "events," in shown
    assert str(tmp_path) in shown
    told = {"reason": "its time is over", "legal_basis": "Art. 5", "archive": "on", "head": head}
    for wrong in ({**told, "reason": ""}, {**told, "legal_basis": ""}, {**told, "head": "0" * 64}):
        stage.post(officer, url, wrong)
        assert Job.objects.filter(id=job).exists()
    page = stage.post(officer, url, told).content.decode()
    assert "this is its tombstone" in page
    assert "Art. 5" in page
    again = stage.post(officer, url, told, page=f"{ADMIN}/tombstone/")
    assert again.status_code == 200
    assert again.redirect_chain[-1][0].endswith(f"/tombstone/{job}/change/")
    assert Tombstone.objects.filter(job_id=job).count() == 1


def test_a_held_job_says_on_the_page_why_it_is_not_pruned_and_stays() -> None:
    job = _ended()
    user = stage.person(*stage.OFFICER)
    services.hold("job", job, reason="case 9", reference="AZ 9/26", actor=stage.actor(user))
    officer, url = stage.browser(user), f"{ADMIN}/job/{job}/do/prune/"
    assert "AZ 9/26" in officer.get(url).content.decode()
    told = {"reason": "r", "legal_basis": "b", "head": Job.objects.get(id=job).head_hash}
    assert "legal hold" in stage.post(officer, url, told).content.decode()
    assert Job.objects.filter(id=job).exists()
    assert "AZ 9/26" in officer.get(f"{ADMIN}/hold/").content.decode()
