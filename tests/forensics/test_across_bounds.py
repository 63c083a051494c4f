"""Evidence from job to job for those who may not see all, of jobs that are gone, and of more than one walk may read."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import uuid4

import pytest

from forensics import search, services
from forensics.evidence import BACK
from forensics.evidence.journey import Journey
from forensics.models import Mention
from forensics.package import export
from forensics.services.across import Stored, walk
from forensics.standalone import verify
from jobs import TaskGraph, create_agent, message_agent
from jobs.core.errors import Invalid
from jobs.models import Job
from jobs.services import deliver_due, erase, prune
from jobs.testing import run_until_parked
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.engine.driving import a_word
from tests.factories import a_tenant, person
from tests.forensics.families import (
    across_read,
    chain_of,
    drawn,
    family,
    forward,
    why,
)
from tests.forensics.forgetting import WHY

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def tenant() -> str:
    return a_tenant()


def test_what_a_viewer_may_not_see_is_named_as_withheld_and_nothing_of_it_is_told(tenant: str) -> None:
    word = a_word()
    job, child = family(tenant, word)
    told = why(job, "pay", sees=lambda row: str(row.id) != child)
    assert told["across"]["results"] == []
    assert told["across"]["absent"] == [
        {"job": child, "state": "withheld", "why": "there is no such job here, or you may not see it"}
    ]
    assert not [each for each in (f"doc-{word}", f"in-{word}") if each in json.dumps(told)]
    told = forward(job, "request", tenant, sees=lambda row: str(row.id) != child)
    assert [(each["job"], each["state"]) for each in told["absent"]] == [(child, "withheld")]


def test_another_tenants_job_is_withheld_in_the_same_words_as_one_that_is_not_there(tenant: str) -> None:
    job, _ = family(tenant, a_word())
    foreign, nobody = Stored(a_tenant()).graph(job), Stored(tenant).graph(str(uuid4()))
    assert foreign == nobody
    Mention.objects.create(
        tenant=tenant, kind="job", value=job, at="2026-01-01T00:00:00.000000Z", job_id=uuid4(), seq=1
    )
    assert "withheld" in {each["state"] for each in forward(job, "request", tenant)["absent"]}


def test_a_pruned_job_is_named_and_an_erased_one_still_leads_on(tenant: str) -> None:
    officer = person("officer", tenant=tenant)
    job, child = family(tenant, a_word())
    for each in (child, job):
        erase(each, everything=True, **{**WHY, "actor": officer})
    told = why(job, "pay")
    assert [each["job"] for each in told["across"]["results"]] == [child]
    assert all(each.get("erased") for each in told["across"]["results"][0]["nodes"] if each["kind"] == "tool")
    assert [each["job"] for each in forward(job, "request", tenant)["results"]] == [child]
    prune(child, reason="r", actor=officer)
    told = why(job, "pay")
    assert [(each["job"], each["state"]) for each in told["across"]["absent"]] == [(child, "pruned")]


def test_a_walk_ends_at_its_bounds_says_so_and_is_read_page_by_page(tenant: str) -> None:
    jobs = chain_of(tenant, 5)
    whole = why(jobs[-1], "look")["across"]
    order = [jobs[0], jobs[3], jobs[2], jobs[1]]  # the call that the world saw is one arrow away, too
    assert [(each["job"], each["distance"]) for each in whole["results"]] == list(
        zip(order, (1, 1, 2, 3), strict=True)
    )
    pages, cursor = [], None
    for _ in range(4):
        page = why(jobs[-1], "look", cursor=cursor, limit=1)["across"]
        pages += [each["job"] for each in page["results"]]
        cursor = page["next"]
    assert (pages, cursor) == (order, None)
    back = why(jobs[-1], "look", cursor=page["previous"], limit=1)["across"]
    assert [each["job"] for each in back["results"]] == [order[2]]
    with pytest.raises(Invalid) as refused:
        why(jobs[-1], "look", cursor=str(uuid4()))
    assert refused.value.code == "bad_cursor"
    start = [(jobs[-1], "step/look")]
    short = walk(Stored(tenant), start, BACK, None, 20, 3)
    assert len(short["results"]) == 2
    assert short["cut"]
    assert {each["state"] for each in short["absent"]} == {"cut"}
    assert {each["job"] for each in (*short["results"], *short["absent"])} <= set(jobs[:-1])
    few = Journey(Stored(tenant), BACK, nodes=3)
    assert sum(len(each) for each in few.walk(start).values()) == 3
    assert few.cut
    spent = Stored(tenant)
    spent.admit(Job.objects.get(id=jobs[-1]))
    spent.left = 10
    long = walk(spent, start, BACK, None, 20)
    assert (long["results"], long["cut"]) == ([], True)


def test_followed_finds_a_document_by_name_or_digest_in_several_jobs_and_goes_on(tenant: str) -> None:
    word = a_word()
    job, child = family(tenant, word)
    other = TaskGraph()
    other.output(other.tool("again", across_read, word=word))
    third = drawn(other, tenant)
    while search.behind():
        search.catch_up()
    for named in (f"doc-{word}", f"digest-{word}"):
        page = services.followed(tenant, {"document": named}, None, 10)
        assert [each["job"] for each in page["results"]] == [third, child]
        [further] = page["results"][1]["across"]
        assert (further["job"], further["state"]) == (job, "shown")
        assert "step/pay" in {each["id"] for each in further["effects"]}
        assert page["results"][0]["across"] == []
    page = services.followed(
        tenant, {"document": f"doc-{word}"}, None, 10, sees=lambda row: str(row.id) != job
    )
    assert [(each["job"], each["state"], each["effects"]) for each in page["results"][1]["across"]] == [
        (job, "withheld", [])
    ]
    assert services.followed(a_tenant(), {"document": f"doc-{word}"}, None, 10)["results"] == []


def test_a_package_of_a_job_with_a_send_a_signal_of_a_tool_and_a_turn_still_verifies(
    tenant: str, tmp_path: Path
) -> None:
    ann = person("ann", tenant=tenant)
    desk, postman = create_agent("desk", actor=ann), create_agent("forward", actor=ann)
    run_until_parked(str(message_agent(desk, {"word": "first"}, actor=ann)))
    sender = str(message_agent(postman, {"to": str(desk), "word": "hello"}, actor=ann))
    run_until_parked(sender)
    deliver_due()
    came = str(Job.objects.filter(instance=desk).order_by("-created_at")[0].id)
    run_until_parked(came)
    for job in (sender, came):
        export(job, tmp_path / "a.zip")
        assert verify(tmp_path / "a.zip").problem is None
    graph = services.graph_of_job(Job.objects.get(id=sender))
    [sent] = [each for each in graph["nodes"] if each["kind"] == "send"]
    assert sent["agent"] == "desk"
    told = services.timeline_of(Job.objects.get(id=sender))["decisions"]
    assert "step/main/0" in {each["id"] for each in told if each["kind"] == "send"}
    assert (f"job/{came}", "step/main/0", "sent") in {
        (each["from"], each["to"], each["kind"]) for each in graph["edges"]
    }
