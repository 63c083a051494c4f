"""A commit whose answer was lost is neither success nor failure: the head says which (Law L3)."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError

from jobs import store
from jobs.core.commands import CreateJob, SendSignal, StartNode
from jobs.core.errors import Refused
from jobs.models import Delivery, Event, Step
from jobs.services.submitting import new_id
from jobs.store import outages
from jobs.store.writing import Sealed
from tests.factories import a_job, a_planned_job, a_worker, claim, one_tool, person, promise, told
from tests.store.audit import check, events_of, kinds_of
from tests.store.rivals import as_another_process, aside, commits_lost, elsewhere


def letter(name: str) -> SendSignal:
    return SendSignal("go", None, name, person())


def letters(job: str) -> int:
    return kinds_of(job).count("signal_received")


def test_a_commit_that_was_written_though_its_answer_was_lost_succeeds_once(engine_db: str) -> None:
    job = a_job()
    with commits_lost("written") as fates:
        done = store.commit(job, letter("mine"))
    assert fates == ["written"]
    assert [fact.type for fact in done.facts] == ["signal_received"]
    assert letters(job) == 1
    assert events_of(job)[-1].seq == store.load(job).seq
    check(job)


def test_a_commit_that_was_not_written_is_sent_again_as_it_was(engine_db: str) -> None:
    job = a_job()
    with commits_lost("gone") as fates:
        done = store.commit(job, letter("mine"))
    assert fates == ["gone"]
    assert letters(job) == 1
    assert [fact.seq for fact in done.facts] == [2]
    check(job)


def test_what_is_sent_again_does_not_take_the_row_numbers_that_others_were_given_meanwhile(
    engine_db: str,
) -> None:
    job = a_job()
    with commits_lost("gone", then=lambda: elsewhere(a_job)):
        store.commit(job, letter("mine"))
    assert letters(job) == 1
    check(job)


def test_a_commit_that_is_lost_again_and_again_is_written_once_while_somebody_is_patient(
    engine_db: str,
) -> None:
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)
    fence = claim(job, worker)
    with commits_lost("gone", "gone", "gone", "written") as fates:
        done = store.commit(job, told(fence), patience=lambda: True)
    assert len(fates) == 4
    assert done.state.phase == "completed"
    assert kinds_of(job).count("node_finished") == 2
    check(job)


def test_without_patience_an_outage_is_raised_as_the_databases_own_error(engine_db: str) -> None:
    job = a_job()
    with (
        commits_lost("gone", "gone", "gone", "gone"),
        pytest.raises(OperationalError, match="connection was lost"),
    ):
        store.commit(job, letter("mine"))
    assert letters(job) == 0
    store.commit(job, letter("mine"))
    check(job)


def test_if_somebody_else_has_our_number_it_is_a_conflict_and_the_command_is_decided_again(
    engine_db: str,
) -> None:
    job = a_job()
    with commits_lost("gone", then=lambda: aside(lambda: as_another_process(job, letter("rival")))):
        store.commit(job, letter("mine"))
    assert kinds_of(job) == ["job_created", "signal_received", "signal_received"]
    check(job)


def test_a_claim_that_was_lost_while_another_won_the_step_is_refused(engine_db: str) -> None:
    one, other = a_worker(), a_worker()
    job = a_planned_job(one_tool(), one)
    rival = StartNode("pay", other, promise(job))
    mine = StartNode("pay", one, promise(job))

    def win() -> None:
        aside(lambda: as_another_process(job, rival, worker=other))

    with commits_lost("gone", then=win), pytest.raises(Refused) as refused:
        store.commit(job, mine, worker=one)
    assert refused.value.code == "not_ready"
    assert str(Step.objects.get(job_id=job).worker) == other
    check(job)


def test_a_claim_that_was_written_though_its_answer_was_lost_is_a_claim(engine_db: str) -> None:
    """Decided anew it would be refused, because the step runs: under this very claim."""
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)
    with commits_lost("written"):
        done = store.commit(job, StartNode("pay", worker, promise(job)), worker=worker)
    assert done.state.nodes["pay"].worker == worker
    assert kinds_of(job).count("node_started") == 2
    check(job)


def test_a_claim_that_lands_while_it_is_sent_again_is_ours(
    engine_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lost commit is still under way when the head is looked at, and takes effect before the second one."""
    worker = a_worker()
    job = a_planned_job(one_tool(), worker)
    looked: list[bool] = []
    usual = outages.written

    def too_early(sealed: Sealed) -> bool:
        looked.append(True)
        return len(looked) > 1 and usual(sealed)

    monkeypatch.setattr("jobs.store.door.written", too_early)
    with commits_lost("written"):
        done = store.commit(job, StartNode("pay", worker, promise(job)), worker=worker)
    assert len(looked) == 2
    assert done.state.nodes["pay"].worker == worker
    check(job)


@pytest.mark.parametrize("fate", ["written", "gone"])
def test_a_delivery_whose_commit_lost_its_answer_is_carried_out_once(engine_db: str, fate: str) -> None:
    job = a_job()
    row = Delivery.objects.create(
        id=uuid4(), job_id=job, command="signal", body="{}", created_at="2026-01-01T00:00:00Z"
    )
    with commits_lost(fate):
        store.commit(job, letter("mine"), delivery=str(row.id))
    assert letters(job) == 1
    assert not Delivery.objects.filter(id=row.id).exists()
    check(job)


def test_a_job_that_was_created_though_the_answer_was_lost_is_there_once(engine_db: str) -> None:
    with commits_lost("written"):
        job = a_job()
    assert kinds_of(job) == ["job_created"]
    check(job)


def test_a_job_that_was_not_created_is_an_error_and_leaves_nothing(engine_db: str) -> None:
    before = Event.objects.count()
    with commits_lost("gone"), pytest.raises(OperationalError):
        a_job()
    assert Event.objects.count() == before


def test_a_job_is_created_once_however_often_it_is_asked_for(engine_db: str) -> None:
    wish = CreateJob(job=str(new_id()), agent="toy", version="1", goal={}, actor=person())
    store.create(wish)
    with pytest.raises(IntegrityError):
        store.create(wish)
    check(wish.job)
