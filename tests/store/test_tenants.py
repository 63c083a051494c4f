"""Law L8: to a stranger's tenant nothing exists, whatever the verb."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from jobs import TaskGraph, approve, cancel, clock, reject, signal, store, submit
from jobs.core.commands import Actor, LoseLease
from jobs.core.errors import KeyReused, NotAllowed, NotFound, Refused
from jobs.models import Approval, Blob, Definition, Delivery, Event, Job, Step
from jobs.services import decide, pause, resolve, resume, send_message
from ledger.models import Invocation
from tests.factories import a_job, a_planned_job, a_tenant, a_worker, claim, person
from tests.store.audit import check, kinds_of

Attempt = Callable[[str, Actor], object]
ATTEMPTS: dict[str, Attempt] = {
    "signal": lambda job, who: signal(job, "go", 1, actor=who),
    "message": lambda job, who: send_message(job, "in", 1, actor=who),
    "pause": lambda job, who: pause(job, actor=who),
    "resume": lambda job, who: resume(job, actor=who),
    "cancel": lambda job, who: cancel(job, actor=who),
    "approve the job's": lambda job, who: approve(job, actor=who),
    "reject the approval": lambda job, who: reject(Approval.objects.get(job_id=job).id, actor=who),
    "decide": lambda job, who: decide(Approval.objects.get(job_id=job).id, "approve", digest="d", actor=who),
    "resolve": lambda job, who: resolve(Invocation.objects.get(job_id=job).id, "fail", actor=who),
}


def a_job_with_everything(tenant: str) -> str:
    """A job with an open approval and an unknown outcome."""
    graph, worker = TaskGraph(), a_worker()
    graph.approval("ask", "Sure?", groups=["finance"])
    graph.tool("pay", "pay")
    job = a_planned_job(graph, worker, actor=person(tenant=tenant))
    store.commit(job, LoseLease("pay", claim(job, worker), "worker_dead", known_dead=False))
    return job


@pytest.mark.parametrize("verb", ATTEMPTS)
def test_a_job_of_another_tenant_is_not_found_and_not_touched(engine_db: str, verb: str) -> None:
    job = a_job_with_everything(a_tenant())
    before = kinds_of(job)
    with pytest.raises(NotFound) as refused:
        ATTEMPTS[verb](job, person(tenant=a_tenant()))
    assert refused.value.code == "not_found"
    assert kinds_of(job) == before
    check(job)


@pytest.mark.parametrize("verb", ATTEMPTS)
def test_what_does_not_exist_is_refused_in_the_same_words(engine_db: str, verb: str) -> None:
    """Nobody learns from the wording that the id belongs to somebody else."""
    theirs, who = a_job_with_everything(a_tenant()), person(tenant=a_tenant())
    said = []
    for job in (theirs, str(uuid4())):
        try:
            ATTEMPTS[verb](job, who)
        except NotFound as refused:
            said.append(refused.message.replace(job, "X"))
        except (Approval.DoesNotExist, Invocation.DoesNotExist):
            return
    assert said[0] == said[1]


def test_every_row_of_a_job_bears_its_tenant(engine_db: str) -> None:
    tenant = a_tenant()
    job = a_job_with_everything(tenant)
    for model in (Event, Step, Approval, Invocation):
        assert set(model.objects.filter(job_id=job).values_list("tenant", flat=True)) == {tenant}
    assert Job.objects.get(id=job).tenant == tenant


def test_an_idempotency_key_belongs_to_its_tenant(engine_db: str) -> None:
    name = f"agent-{uuid4().hex[:8]}"
    Definition.objects.create(kind="agent", name=name, version="1", schema="{}", seen_at=clock.now())
    one, other, key = person(tenant=a_tenant()), person(tenant=a_tenant()), uuid4().hex
    first = submit(name, {"n": 1}, actor=one, idempotency_key=key)
    second = submit(name, {"n": 2}, actor=other, idempotency_key=key)
    assert first != second
    with pytest.raises(KeyReused):
        submit(name, {"n": 2}, actor=one, idempotency_key=key)


def test_equal_payloads_of_two_tenants_are_two_blobs(engine_db: str) -> None:
    big = {"text": "x" * 70_000 + uuid4().hex}
    for _ in range(2):
        a_job(actor=person(tenant=a_tenant()), goal=big)
    assert Blob.objects.filter(text__contains=big["text"][-32:]).count() == 2


@pytest.mark.parametrize("verb", ["signal", "message", "pause", "resume", "cancel", "resolve"])
def test_whoever_lacks_the_permission_is_refused_before_anything_is_looked_up(
    engine_db: str, verb: str
) -> None:
    job = a_job_with_everything("default")
    nobody = Actor(id="u-nobody", name="nobody")
    with pytest.raises(NotAllowed, match="permission") as refused:
        ATTEMPTS[verb](job, nobody)
    assert isinstance(refused.value, Refused)
    assert not Delivery.objects.filter(job_id=job).exists()
