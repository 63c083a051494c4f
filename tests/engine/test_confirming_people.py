"""Confirmation and people: they ask on demand, accept what the world shows, and read it after the end (E7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from jobs import accept_divergence, confirm
from jobs.core.errors import NotAllowed, NotFound, Stale
from jobs.models import Event
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.confirmed import parking, strict
from tests.agents.tools import look
from tests.engine.doubting import line, parked, told
from tests.engine.driving import a_word, after, error_of, kinds
from tests.factories import a_tenant, person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def held() -> tuple[str, str]:
    """A job that is parked because the world does not show what it did, and the word of the effect."""
    word = a_word()
    world.script(f"confirm {word}", False)
    job = parked(parking, word)
    assert told(job).status == "parked"
    return job, word


def test_a_mismatch_that_parks_waits_for_a_person(held: tuple[str, str]) -> None:
    job, word = held
    state = after(job, 1e6)
    assert state.nodes["two"].hold == ("world", str(line(job).id))
    assert (world.times(f"confirm {word}"), world.times(f"{word} two")) == (1, 0)
    check(job)


def test_confirming_again_releases_it_once_the_effect_is_back(held: tuple[str, str]) -> None:
    job, word = held
    world.script(f"confirm {word}", False)
    assert [each["state"] for each in confirm(job, actor=person())] == ["diverged"]
    assert run_until_parked(job).status == "parked"
    assert [each["state"] for each in confirm(job, actor=person())] == ["confirmed"]
    assert run_until_parked(job).status == "completed"
    check(job)


def test_a_person_with_the_permission_accepts_it(held: tuple[str, str]) -> None:
    job, word = held
    with pytest.raises(NotAllowed):
        accept_divergence(line(job).id, actor=_without_permissions())
    with pytest.raises(NotFound):
        accept_divergence(line(job).id, actor=person(tenant=a_tenant()))
    accept_divergence(line(job).id, actor=person(), comment="settled by hand")
    assert run_until_parked(job).status == "completed"
    assert world.times(f"confirm {word}") == 1
    said = Event.objects.filter(job_id=job, type="world_diverged").order_by("-seq").first()
    assert said is not None
    assert "settled by hand" in str(said.body)
    check(job)


def _without_permissions() -> Any:
    from dataclasses import replace

    return replace(person(), may=frozenset())


def test_an_acceptance_inside_a_hosts_transaction_takes_effect_if_that_commits(held: tuple[str, str]) -> None:
    job, _ = held
    with transaction.atomic():
        accept_divergence(line(job).id, actor=person())
        transaction.set_rollback(True)
    assert run_until_parked(job).status == "parked"
    with transaction.atomic():
        accept_divergence(line(job).id, actor=person())
    assert run_until_parked(job).status == "completed"


def test_what_is_not_in_question_is_not_accepted() -> None:
    job = parked(parking, a_word())
    with pytest.raises(Stale, match="not known to differ"):
        accept_divergence(line(job).id, actor=person())


def test_after_the_end_an_answer_is_kept_and_changes_nothing() -> None:
    word = a_word()
    job = parked(strict, word)
    before = told(job)
    world.script(f"confirm {word}", False)
    found = confirm(job, actor=person())
    assert [(each["node"], each["state"], each["on_mismatch"]) for each in found] == [
        ("one", "diverged", "strict")
    ]
    state = run_until_parked(job)
    assert (state.status, state.output, kinds(job)[-1]) == ("completed", before.output, "world_diverged")
    check(job)


def test_on_demand_a_strict_mismatch_fails_a_job_that_waits() -> None:
    word = a_word()
    job = parked(strict, word)
    world.script(f"confirm {word}", False)
    confirm(job, actor=person())
    assert error_of(run_until_parked(job))["code"] == "world_diverged"


def test_a_recalled_effect_is_not_this_jobs_to_confirm() -> None:
    word = a_word()
    job = parked(look, word)
    assert told(job).status == "completed"
    assert confirm(job, actor=person()) == []
