"""Search and saved searches over HTTP: who may, pages that follow each other, and whose search it is."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from forensics import access
from forensics.models import Access
from jobs.core.commands import Actor
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, refused

pytestmark = pytest.mark.usefixtures("engine_db")


@pytest.fixture
def tenant() -> str:
    """A tenant of this test's own, with three jobs."""
    name = f"t-{uuid4().hex[:12]}"
    for _ in range(3):
        stage.job(stage.waiting("go"), actor=Actor(id="ann", name="Ann Example", tenant=name))
    return name


def _caller(tenant: str) -> Caller:
    return Caller(stage.person(*stage.OPERATOR, "view_forensics"), tenant=tenant)


def test_it_takes_the_permission(tenant: str) -> None:
    caller = Caller(stage.person(*stage.OPERATOR), tenant=tenant)
    for path in ("query", "queries", f"queries/{uuid4()}", f"queries/{uuid4()}/run"):
        problem = refused(caller.get(f"forensics/{path}"), 403, "permission_missing")
        assert "view_forensics" in problem["detail"]


def test_pages_follow_each_other_and_back(tenant: str) -> None:
    caller = _caller(tenant)
    first = caller.get("forensics/query?of=jobs&limit=2&since=1h").json()
    second = caller.get(first["next"]).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (2, 1, None)
    assert caller.get(second["previous"]).json()["results"] == first["results"]
    assert "since=1h" not in first["next"]  # the moment that was meant, not one that moves on


def test_a_search_is_an_access_without_its_words(tenant: str) -> None:
    caller = _caller(tenant)
    assert len(caller.get("forensics/query?of=jobs&requester=Ann%20Example").json()["results"]) == 3
    entry = access.access_json(Access.objects.filter(tenant=tenant).latest("seq"))
    assert (entry["action"], entry["question"], entry["filters"]) == ("search", "query", ["of", "requester"])
    assert "Example" not in str(entry)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("typ=x", "typ"),
        ("of=all", "of"),
        ("since=soon", "since"),
        ("cursor=x", "cursor"),
        ("limit=none", "limit"),
    ],
)
def test_what_cannot_be_meant_is_named(tenant: str, query: str, name: str) -> None:
    answer = _caller(tenant).get(f"forensics/query?{query}")
    assert answer.status_code == 422
    assert named(answer.json()) == {name}


def test_a_search_is_kept_run_changed_and_deleted(tenant: str) -> None:
    caller = _caller(tenant)
    wish: dict[str, Any] = {"name": "parked", "query": {"of": "jobs", "status": "parked", "since": "7d"}}
    made = caller.post("forensics/queries", wish)
    assert made.status_code == 201
    kept = made.json()
    assert (kept["query"], kept["shared"]) == (wish["query"], False)
    assert [each["id"] for each in caller.get("forensics/queries").json()["results"]] == [kept["id"]]
    place = f"forensics/queries/{kept['id']}"
    page = caller.get(f"{place}/run?limit=2").json()
    assert (len(page["results"]), len(caller.get(page["next"]).json()["results"])) == (2, 1)
    body = b'{"query": {"of": "jobs", "status": "failed"}, "shared": true}'
    changed = caller.client.patch(f"/api/{place}", body, content_type="application/json").json()
    assert (changed["name"], changed["shared"], changed["query"]["status"]) == ("parked", True, "failed")
    assert caller.get(f"{place}/run").json()["results"] == []
    assert caller.delete(place).status_code == 204
    refused(caller.get(place), 404, "not_found")


def test_a_name_is_ones_own_and_a_query_must_be_one(tenant: str) -> None:
    caller, other = _caller(tenant), _caller(tenant)
    wish: dict[str, Any] = {"name": "mine", "query": {"of": "jobs"}}
    assert caller.post("forensics/queries", wish).status_code == 201
    assert other.post("forensics/queries", wish).status_code == 201
    refused(caller.post("forensics/queries", wish), 422, "name_taken")
    problem = refused(caller.post("forensics/queries", {"name": "x", "query": {"of": "all"}}), 422, "invalid")
    assert named(problem) == {"of"}
    for body in (
        {"name": "", "query": {}},
        {"name": "x"},
        {"name": "x", "query": {"limit": 7}},
        {"name": "x", "query": {}, "to": 1},
    ):
        assert caller.post("forensics/queries", body).status_code == 422


def test_a_shared_search_is_run_by_all_of_the_tenant_and_changed_by_its_owner(tenant: str) -> None:
    owner, other, stranger = _caller(tenant), _caller(tenant), _caller(f"t-{uuid4().hex[:12]}")
    own = owner.post("forensics/queries", {"name": "own", "query": {"of": "jobs"}}).json()["id"]
    shared = owner.post("forensics/queries", {"name": "all", "query": {"of": "jobs"}, "shared": True}).json()[
        "id"
    ]
    assert [each["name"] for each in other.get("forensics/queries").json()["results"]] == ["all"]
    assert len(other.get(f"forensics/queries/{shared}/run").json()["results"]) == 3
    refused(other.get(f"forensics/queries/{own}/run"), 404, "not_found")
    refused(other.delete(f"forensics/queries/{shared}"), 403, "not_yours")
    assert stranger.get("forensics/queries").json()["results"] == []
    refused(stranger.get(f"forensics/queries/{shared}/run"), 404, "not_found")
