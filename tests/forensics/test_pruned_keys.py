"""What a pruned job has done is not done again: its keys stay held, and so do those of its kin."""

from __future__ import annotations

from uuid import uuid4

import pytest

from forensics.inspection import orphans
from forensics.services import verify_job
from jobs import TaskGraph, create_agent, message_agent, retry, submit
from jobs.core.errors import Gone, KeyReused
from jobs.models import AgentInstance, Job
from jobs.services import deliver_due, erase
from jobs.testing import run_until_parked
from ledger import NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import look, pay, send
from tests.engine.driving import a_word, error_of, started
from tests.factories import a_tenant, person
from tests.forensics.forgetting import WHY, done, one, paid, pruned

pytestmark = pytest.mark.usefixtures("here")


def test_a_payment_is_not_made_again_after_its_job_was_pruned() -> None:
    word = a_word()
    pruned(done(paid(word)))
    again = run_until_parked(started(paid(word)))
    assert error_of(again)["code"] == "result_pruned"
    other = run_until_parked(started(paid(word, 6)))
    assert error_of(other)["code"] == "key_conflict"
    assert world.times(word) == 1
    assert verify_job(again.job)["ok"]


def test_not_even_when_the_record_was_erased_before_it_was_pruned() -> None:
    word = a_word()
    job = done(paid(word))
    erase(job, everything=True, **WHY)
    pruned(job)
    assert error_of(run_until_parked(started(paid(word))))["code"] == "result_pruned"
    assert world.times(word) == 1


def test_a_key_that_was_given_back_is_free() -> None:
    word = a_word()
    world.script(word, NotLanded("no"))
    graph = TaskGraph()
    graph.output(graph.tool("paid", pay, word=word, cents=5, retry={"max_attempts": 1}))
    job = done(graph)
    assert Job.objects.get(id=job).status == "failed"
    pruned(job)
    assert not Invocation.objects.filter(job_id=job).exists()
    assert run_until_parked(started(paid(word))).status == "completed"


def test_a_request_is_not_carried_out_again_after_its_job_was_pruned() -> None:
    key, goal = a_word(), {"graph": one(look, a_word()).to_json()}
    job = submit("drawn", goal, actor=person(), idempotency_key=key)
    run_until_parked(job)
    deliver_due()
    pruned(str(job))
    with pytest.raises(Gone):
        submit("drawn", goal, actor=person(), idempotency_key=key)
    with pytest.raises(KeyReused):
        submit("drawn", {"graph": {}}, actor=person(), idempotency_key=key)
    other = a_tenant()
    assert submit("drawn", goal, actor=person(tenant=other), idempotency_key=key) != job


@pytest.mark.parametrize(
    "form", ["{}", "sha256:{}", "sha256:" + "ab" * 26 + "{}"], ids=["plain", "odd", "digest"]
)
@pytest.mark.parametrize("erased_first", [False, True])
def test_whatever_form_the_key_has_it_stays_spent(form: str, erased_first: bool) -> None:
    key, goal = form.format(uuid4().hex[:12]), {"graph": one(look, a_word()).to_json()}
    job = submit("drawn", goal, actor=person(), idempotency_key=key)
    run_until_parked(job)
    deliver_due()
    if erased_first:
        erase(job, everything=True, **WHY)
    pruned(str(job))
    with pytest.raises(Gone):
        submit("drawn", goal, actor=person(), idempotency_key=key)


def test_nor_by_somebody_who_had_looked_before_the_job_was_born(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stood still between its look at the key and its write, for as long as it likes."""
    key, word = a_word(), a_word()
    goal = {"graph": one(send, word).to_json()}
    looked: list[str] = []

    def known(*_: object) -> None:
        if not looked:
            looked.append(key)
            monkeypatch.undo()
            job = submit("drawn", goal, actor=person(), idempotency_key=key)
            run_until_parked(job)
            deliver_due()
            pruned(str(job))

    monkeypatch.setattr("jobs.services.submitting.known", known)
    with pytest.raises(Gone):
        submit("drawn", goal, actor=person(), idempotency_key=key)
    assert world.times(word) == 1


def test_a_retry_that_had_looked_before_another_was_born_and_pruned_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    word = a_word()
    world.script(word, NotLanded("no"))
    first = done(one(send, word, retry={"max_attempts": 1}))

    def newest(*_: object) -> None:
        monkeypatch.undo()
        second = str(retry(first, actor=person()))
        run_until_parked(second)
        deliver_due()
        pruned(second)

    monkeypatch.setattr("jobs.services.forking._newest", newest)
    with pytest.raises(Gone):
        retry(first, actor=person())
    assert world.times(word) == 2


def test_a_message_is_not_taken_again_after_its_job_was_pruned_and_the_agent_goes_on() -> None:
    instance = create_agent("looker", state={}, actor=person())
    sent = [message_agent(instance, {"word": a_word()}, id=f"m{n}", actor=person()) for n in range(3)]
    for job in sent:
        run_until_parked(job)
    deliver_due()
    for job in sent[:2]:
        pruned(str(job))
    assert verify_job(sent[2])["ok"]
    pruned(str(sent[2]))
    row = AgentInstance.objects.get(id=instance)
    assert (row.turn, row.kept) == (3, sent[2])
    fourth = message_agent(instance, {"word": a_word()}, actor=person())
    run_until_parked(fourth)
    assert verify_job(fourth)["ok"]
    with pytest.raises(KeyReused):
        message_agent(instance, {"word": "other"}, id="m1", actor=person())
    assert not [each for each in orphans("default") if each.broken.row == str(instance)]


def test_a_job_of_which_a_retry_was_pruned_is_not_retried_once_more() -> None:
    """Or the same keys would be sent again for what the pruned one has done."""
    word = a_word()
    world.script(word, NotLanded("no"))
    first = done(one(send, word, retry={"max_attempts": 1}))
    second = str(retry(first, actor=person()))
    assert run_until_parked(second).status == "completed"
    deliver_due()
    pruned(second)
    with pytest.raises(Gone):
        retry(first, actor=person())
    assert world.times(word) == 2
    assert verify_job(first)["ok"]


def test_a_retry_does_not_begin_the_work_of_a_pruned_child_anew() -> None:
    word = a_word()
    world.script(f"{word}-bad", NotLanded("no"))
    inner = TaskGraph()
    sent = inner.tool("sent", send, word=word)
    inner.tool("bad", send, word=f"{word}-bad", after=[sent], retry={"max_attempts": 1})
    outer = TaskGraph()
    outer.agent("child", "drawn", {"graph": inner.to_json()})
    parent = done(outer)
    child = Job.objects.get(parent_job=parent)
    assert (Job.objects.get(id=parent).status, child.status) == ("failed", "failed")
    pruned(str(child.id))
    again = str(retry(parent, actor=person()))
    assert error_of(run_until_parked(again))["code"] in ("job_pruned", "child_failed")
    assert world.times(word) == 1


def test_a_retry_does_not_begin_the_work_of_an_erased_child_anew() -> None:
    word = a_word()
    world.script(f"{word}-bad", NotLanded("no"))
    inner = TaskGraph()
    sent = inner.tool("sent", send, word=word)
    inner.tool("bad", send, word=f"{word}-bad", after=[sent], retry={"max_attempts": 1})
    outer = TaskGraph()
    outer.agent("child", "drawn", {"graph": inner.to_json()})
    parent = done(outer)
    erase(str(Job.objects.get(parent_job=parent).id), everything=True, **WHY)
    again = str(retry(parent, actor=person()))
    assert run_until_parked(again).status == "failed"
    assert world.times(word) == 1
