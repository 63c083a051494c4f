"""A legal hold covers what comes from a held job: forks, retries, children and messages, near and far; and nothing upwards."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from forensics import inspection
from jobs import create_agent, message_agent
from jobs.core.errors import Illegal, Invalid, KeyReused
from jobs.models import Event, Hold, Job
from jobs.queries.holds import covering, holds_of
from jobs.services import cancel, deliver_due, erase, fork, hold, prune, release, retain, retry, submit
from jobs.testing import run_until_parked
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.agents import graphs as toy_graphs  # noqa: F401
from tests.engine.driving import a_word
from tests.factories import a_tenant, person
from tests.forensics.forgetting import WHY
from tests.forensics.tampering import taken_back
from tests.forensics.test_gone import open_to_all

pytestmark = pytest.mark.usefixtures("here")


def _job(tenant: str, agent: str = "looker") -> str:
    job = str(submit(agent, {"word": a_word()}, actor=person("ann", tenant=tenant)))
    run_until_parked(job)
    deliver_due()
    return job


def _end(job: str) -> str:
    run_until_parked(job)
    deliver_due()
    assert Job.objects.get(id=job).finished_at is not None
    return job


def _forked(tenant: str) -> tuple[str, str]:
    job = _job(tenant)
    cut = Event.objects.filter(job_id=job, type="node_finished").order_by("seq")[0].seq
    return job, _end(str(fork(job, cut, actor=person("ann", tenant=tenant))))


def _retried(tenant: str) -> tuple[str, str]:
    job = str(submit("looker", {"word": a_word()}, actor=person("ann", tenant=tenant)))
    cancel(job, actor=person("ann", tenant=tenant))
    return _end(job), _end(str(retry(job, actor=person("ann", tenant=tenant))))


def _child(tenant: str) -> tuple[str, str]:
    job = _job(tenant, "with_a_child")
    [child] = Job.objects.filter(parent_job=job)
    return job, str(child.id)


def _childs_fork(tenant: str) -> tuple[str, str]:
    job, child = _child(tenant)
    cut = Event.objects.filter(job_id=child, type="node_finished").order_by("seq")[0].seq
    return job, _end(str(fork(child, cut, actor=person("ann", tenant=tenant))))


def _sent(tenant: str) -> tuple[str, str]:
    ann = person("ann", tenant=tenant)
    desk, postman = create_agent("desk", actor=ann), create_agent("forward", actor=ann)
    job = str(message_agent(postman, {"to": str(desk), "word": "hello"}, actor=ann))
    _end(job)
    [came] = Job.objects.filter(instance=desk)
    return job, _end(str(came.id))


LINES: dict[str, Callable[[str], tuple[str, str]]] = {
    "fork": _forked, "retry": _retried, "child": _child, "a fork of a child": _childs_fork, "message": _sent,
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_a_hold_covers_what_comes_from_the_job(line: str, settings: pytest.FixtureRequest) -> None:
    tenant = a_tenant()
    officer = person("officer", tenant=tenant)
    first, last = LINES[line](tenant)
    placed = hold("job", first, reason="in court", reference="AZ 7/26", actor=officer)
    row = Job.objects.get(id=last)
    assert [(each.hold.id, each.through) for each in covering(row)] == [(placed.id, UUID(first))]
    for take in (
        lambda: erase(last, everything=True, **{**WHY, "actor": officer}),
        lambda: prune(last, reason="r", actor=officer),
    ):
        with pytest.raises(Illegal, match=f"AZ 7/26.*comes from job {first}") as refused:
            take()
        assert refused.value.code == "legal_hold"
    settings.AETHERIS = {**settings.AETHERIS, "RETENTION": [{"keep": "1ms"}]}  # type: ignore[attr-defined]
    kept = retain(tenant)
    assert (kept.pruned, {each["refused"]["code"] for each in kept.due}) == (0, {"legal_hold"})
    release(placed.id, reason="settled", actor=officer)
    assert holds_of(row) == []
    prune(last, reason="r", actor=officer)


@pytest.mark.parametrize("line", ["fork", "child"])
def test_a_hold_does_not_reach_back_to_where_the_job_comes_from(line: str) -> None:
    tenant = a_tenant()
    first, last = LINES[line](tenant)
    hold("job", last, reason="r", actor=person("officer", tenant=tenant))
    assert holds_of(Job.objects.get(id=first)) == []


def test_a_hold_by_agent_or_time_covers_what_comes_from_its_jobs_too() -> None:
    tenant = a_tenant()
    job, child = _child(tenant)
    placed = hold("query", {"agent": "with_a_child"}, reason="r", actor=person("officer", tenant=tenant))
    assert [each.through for each in covering(Job.objects.get(id=job))] == [None]
    assert [(each.hold.id, each.through) for each in covering(Job.objects.get(id=child))] == [
        (placed.id, UUID(job))
    ]


def test_a_retry_is_held_with_the_first_of_its_line_though_one_between_was_pruned() -> None:
    tenant = a_tenant()
    ann, officer = person("ann", tenant=tenant), person("officer", tenant=tenant)
    first = str(submit("looker", {"word": a_word()}, actor=ann))
    cancel(first, actor=ann)
    second = str(retry(_end(first), actor=ann))
    cancel(second, actor=ann)
    third = _end(str(retry(_end(second), actor=ann)))
    prune(second, reason="r", actor=officer)
    hold("job", first, reason="r", actor=officer)
    assert [each.through for each in covering(Job.objects.get(id=third))] == [UUID(first)]


def test_a_reference_is_kept_bound_and_part_of_what_a_key_stands_for() -> None:
    tenant, key = a_tenant(), a_word()
    officer = person("officer", tenant=tenant)
    placed = hold("tag", "t", reason="r", reference=" AZ 7/26 ", actor=officer, key=key)
    assert placed.reference == "AZ 7/26"
    assert hold("tag", "t", reason="r", reference="AZ 7/26", actor=officer, key=key).id == placed.id
    with pytest.raises(KeyReused):
        hold("tag", "t", reason="r", reference="AZ 8/26", actor=officer, key=key)
    for wrong in ("x" * 201, "two\nlines", 7):
        with pytest.raises(Invalid) as refused:
            hold("tag", "t", reason="r", reference=wrong, actor=officer)  # type: ignore[arg-type]
        assert refused.value.code == "bad_reference"
    bare = hold("tag", "u", reason="r", actor=officer)
    assert not list(inspection.gone(tenant))
    with open_to_all():
        for row, told in ((placed, ""), (placed, "AZ 9/26"), (bare, "AZ 7/26")):
            with taken_back():
                Hold.objects.filter(id=row.id).update(reference=told)
                found = [str(each.broken.row) for each in inspection.gone(tenant)]
            assert found == [str(row.id)]
