"""Saved searches in the console's list of jobs: kept by name, shared, forgotten; the same rows as in the forensic search."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from forensics.models import SavedSearch
from forensics.search import saved
from jobs.actors import actor_of
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")


def _keep(browser: Client, name: str, **told: str) -> str:
    sent = {"status": "parked", "agent": "stage@1", "name": name, **told}
    answer: Any = stage.post(browser, "/jobs/searches", sent, page="/jobs?status=parked&agent=stage%401")
    assert answer.status_code == 200
    return str(answer.content.decode())


def _name() -> str:
    return f"late ones {uuid4().hex[:6]}"


def test_a_search_is_kept_by_name_run_by_a_click_and_forgotten() -> None:
    name, user = _name(), stage.person(staff=False)
    browser = stage.browser(user)
    page = _keep(browser, name)
    assert f"Kept as {name}." in page
    row = SavedSearch.objects.get(name=name)
    assert saved.query_of(row) == {"of": "jobs", "status": "parked", "agent": "stage", "version": "1"}
    link = f'<a href="?status=parked&amp;agent=stage%401" aria-current="true">{name}</a>'
    assert link in page
    assert name in browser.get("/jobs").content.decode()
    assert name not in stage.browser(stage.person()).get("/jobs").content.decode()
    page = stage.post(browser, "/jobs/searches", {"forget": str(row.id)}, page="/jobs").content.decode()
    assert "The search is forgotten." in page
    assert not SavedSearch.objects.filter(name=name).exists()


def test_a_shared_search_is_everybodys_to_run_and_its_owners_to_forget() -> None:
    name, owner, other = _name(), stage.person(), stage.browser(stage.person(staff=False))
    _keep(stage.browser(owner), name, shared="yes")
    row = SavedSearch.objects.get(name=name)
    page = other.get("/jobs?status=parked&agent=stage%401").content.decode()
    assert name in page
    assert f"{owner.username}’s" in page
    assert f'value="{row.id}"' not in page
    assert stage.post(other, "/jobs/searches", {"forget": str(row.id)}, page="/jobs").status_code == 403
    assert SavedSearch.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("told", "wrong"),
    [({"name": ""}, "Give the search a name"), ({"name": "x" * 121}, "1 to 120"), ({"status": "odd"}, "status"),
     ({"status": "", "agent": ""}, "Choose a status or an agent")],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_with_a_reason(told: dict[str, str], wrong: str) -> None:
    user = stage.person()
    page = _keep(stage.browser(user), told.pop("name", _name()), **told)
    assert wrong in page
    assert not SavedSearch.objects.filter(owner=str(user.pk)).exists()


def test_a_name_is_taken_once_and_searches_the_list_cannot_show_stay_in_the_forensic_search() -> None:
    name, user = _name(), stage.person()
    browser, actor = stage.browser(user), actor_of(user)
    saved.keep("default", (actor.id, actor.name), name, {"of": "jobs", "tag": "x"})
    assert name not in browser.get("/jobs").content.decode()
    assert "already" in _keep(browser, name)
