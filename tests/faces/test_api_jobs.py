"""GET /api/jobs: filters that mean what they say, pages that stay right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from jobs import clock
from jobs.core.commands import Actor
from jobs.models import Job
from jobs.services import cancel, submit
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, refused

pytestmark = pytest.mark.usefixtures("engine_db")


class Tenant:
    """A tenant of the test's own, with somebody who may do everything in it."""

    def __init__(self) -> None:
        self.name = f"t-{uuid4().hex[:8]}"
        self.actor = Actor(id="boss", name="Boss", tenant=self.name, superuser=True)
        self.caller = Caller(tenant=self.name)

    def job(self, tags: Sequence[str] = (), *, requester: str = "boss") -> str:
        """A submitted job."""
        actor = Actor(id=requester, name=requester, tenant=self.name, superuser=True)
        return str(submit("refund", {"order_id": "A-1001"}, actor=actor, tags=tags))

    def found(self, query: str = "") -> list[str]:
        """Ids that the list shows."""
        answer = self.caller.get(f"jobs{query}")
        assert answer.status_code == 200, answer.content
        return [each["id"] for each in answer.json()["results"]]


def test_the_newest_job_comes_first_unless_told_otherwise() -> None:
    tenant = Tenant()
    made = [tenant.job() for _ in range(3)]
    assert tenant.found() == made[::-1]
    assert tenant.found("?ordering=id") == tenant.found("?ordering=created_at") == made


def test_the_order_of_jobs_is_that_of_their_creation_whatever_their_ids() -> None:
    tenant = Tenant()
    made = [tenant.job() for _ in range(3)]
    later = clock.now() + timedelta(hours=1)  # as it is with a child, whose id is computed
    Job.objects.filter(id=made[0]).update(created_at=later)
    assert tenant.found() == [made[0], made[2], made[1]]
    first = tenant.caller.get("jobs?limit=2").json()
    following = tenant.caller.get(f"jobs?{first['next'].partition('?')[2]}").json()
    assert [each["id"] for each in first["results"] + following["results"]] == [made[0], made[2], made[1]]


def test_status_may_be_given_several_times() -> None:
    tenant = Tenant()
    pending, over = tenant.job(), tenant.job()
    waits = stage.job(stage.waiting(), actor=tenant.actor)
    cancel(over, actor=tenant.actor)
    assert tenant.found("?status=cancelled") == [over]
    assert set(tenant.found("?status=pending&status=parked")) == {pending, waits}
    assert tenant.found("?status=failed") == []


def test_agent_and_requester_filter_exactly() -> None:
    tenant = Tenant()
    mine = tenant.job()
    other = tenant.job(requester="boss2")
    staged = stage.job(stage.waiting(), actor=tenant.actor)
    assert tenant.found("?agent=stage") == [staged]
    assert set(tenant.found("?agent=refund")) == {mine, other}
    assert tenant.found("?requester=boss2") == [other]


@pytest.mark.parametrize("tag", ["urgent", "grün", "100%", "a_b", "[x]"])
def test_a_tag_is_found_whole_and_as_it_is_written(tag: str) -> None:
    tenant = Tenant()
    wanted = tenant.job([tag, "other"])
    tenant.job([tag.upper() + "X", f"x{tag}", "aXb", "1000"])
    assert (
        Caller(tenant=tenant.name).client.get("/api/jobs", {"tag": tag}).json()["results"][0]["id"] == wanted
    )
    assert len(Caller(tenant=tenant.name).client.get("/api/jobs", {"tag": tag}).json()["results"]) == 1


def test_created_after_and_before_meet_without_a_gap() -> None:
    tenant = Tenant()
    early, late = tenant.job(), tenant.job()
    moment = Job.objects.get(pk=late).created_at.isoformat().replace("+00:00", "Z")
    assert tenant.found(f"?created_after={moment}") == [late]
    assert tenant.found(f"?created_before={moment}") == [early]


def test_pages_lead_to_every_job_once_and_back() -> None:
    tenant = Tenant()
    made = [tenant.job() for _ in range(5)][::-1]
    seen, address = [], "jobs?limit=2"
    page: dict[str, Any] = {}
    while address:
        page = tenant.caller.get(address).json()
        seen += [each["id"] for each in page["results"]]
        address = page["next"]
    assert seen == made
    back = tenant.caller.get(page["previous"]).json()
    assert [each["id"] for each in back["results"]] == made[2:4]


def test_a_job_submitted_meanwhile_moves_no_page() -> None:
    tenant = Tenant()
    made = [tenant.job() for _ in range(4)][::-1]
    first = tenant.caller.get("jobs?limit=2").json()
    tenant.job()
    second = tenant.caller.get(first["next"]).json()
    assert [each["id"] for each in second["results"]] == made[2:]


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        ("status=done", "invalid", "status"),
        ("created_after=yesterday", "invalid", "created_after"),
        ("ordering=goal", "invalid", "ordering"),
        ("limit=0", "invalid", "limit"),
        ("limit=many", "invalid", "limit"),
        ("stauts=failed", "unknown_parameter", "stauts"),
        ("cursor=garbage", "invalid_cursor", "cursor"),
        ("cursor=cD1ub3RhdXVpZA==", "invalid_cursor", "cursor"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(query: str, code: str, place: str) -> None:
    assert named(refused(Caller().get(f"jobs?{query}"), 422, code)) == {place}


def test_a_page_costs_the_same_queries_however_many_jobs_are_on_it(
    django_assert_max_num_queries: Any,
) -> None:
    tenant = Tenant()
    for _ in range(6):
        tenant.job()
    tenant.found("?limit=1")
    with django_assert_max_num_queries(2):
        tenant.found("?limit=6")


def test_a_parked_job_says_what_it_waits_for() -> None:
    caller = Caller()
    job = caller.get(f"jobs/{stage.job(stage.waiting('go', deadline='1h'))}").json()
    assert job["status"] == "parked"
    [wait] = job["parked_on"]
    assert (wait["node"], wait["kind"], wait["name"]) == ("wait-go", "signal", "go")
    assert wait["deadline"].endswith("Z")


@pytest.mark.parametrize(
    "path", ["jobs/not-a-uuid", f"jobs/{uuid4()}", f"jobs/{uuid4()}/trace", "nothing", "jobs/1/x"]
)
def test_what_is_not_there_is_a_problem_document(path: str) -> None:
    refused(Caller().get(path), 404, "not_found")
