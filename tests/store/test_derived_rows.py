"""Law L1: after any history the stored rows are what recomputing them from the events gives."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from jobs import store
from jobs.core.commands import AwaitEffect, Call, Command, CreateJob, Recall, TakeTurn
from jobs.core.errors import Refused
from jobs.core.mailbox import request_digest
from jobs.core.moments import parse
from jobs.core.state import JobState
from jobs.models import Delivery
from jobs.services import deliver_due
from jobs.services.submitting import new_id
from ledger.services import NotReserved
from tests.pure.plans_drawn import draw_plan
from tests.pure.story import Story, Told
from tests.pure.strategies import Dice, next_wish
from tests.store.audit import check, kinds_of

SEEDS = range(24)
WISHES = 25
STRIDES = (0.0, 0.0, 1.0, 40.0)


class StoredStory(Story):
    """A story whose wishes go through the door."""

    job = ""

    def send(self, wish: Command) -> Told:
        """Let the store decide; a refusal leaves no trace."""
        heard = Told(self.state, wish, self.now)
        try:
            heard.facts, self.state = self._written(_with_real_ids(wish))
        except (Refused, NotReserved):
            heard.after = None
        self.told.append(heard)
        return heard

    def _written(self, wish: Command) -> tuple:  # type: ignore[type-arg]
        if isinstance(wish, CreateJob):
            self.job = str(new_id())
            done = _born(replace(wish, job=self.job))
            self.now = done.state.at
        elif isinstance(wish, TakeTurn) and ("agent", wish.instance) == self.state.nodes["_plan"].hold:
            return (), _called_up(self.job, wish.instance)
        else:
            done = store.commit(self.job, wish, now=parse(self.now))
        return done.facts, done.state


def _born(wish: CreateJob) -> store.Committed:
    """A job; a message to an agent instance waits in its line, for the instance is paused."""
    if wish.instance is None:
        return store.create(wish)
    instance = new_id()
    store.mailbox.add(instance, tenant=wish.actor.tenant, by="ann", state={"heard": []}, agent=wish.agent)
    store.mailbox.pause(instance, "ann")
    store.accept(
        replace(wish, instance={**wish.instance, "id": str(instance), "due": None}),
        request_digest=request_digest(wish.goal, None),
    )
    return store.Committed(store.load(wish.job), ())


def _called_up(job: str, instance: str) -> JobState:
    """The line goes on, and the delivery that gives the turn is carried out."""
    store.mailbox.resume(UUID(instance))
    while Delivery.objects.filter(job_id=job, command="turn").exists():
        deliver_due()
    return store.load(job)


def _with_real_ids(wish: Command) -> Command:
    """Another call's line is named by an id of the ledger's form."""
    if isinstance(wish, Recall):
        made = wish.promise
        source = {
            "job": str(uuid4()), "invocation": str(uuid4()), "version": made.version, "schema": made.schema,
            "effect": made.effect, "key": made.key, "business_key": made.business_key or "",
        }  # fmt: skip
        return replace(wish, source=source)
    if isinstance(wish, Call) and wish.kind == "send":
        to = {"instance": str(uuid4()), "agent": "helper", "version": "1"}
        return replace(wish, spec={**wish.spec, **to})
    if isinstance(wish, AwaitEffect):
        return replace(wish, holder={"invocation": str(uuid4())})
    return wish


def _told(seed: int) -> StoredStory:
    pick = Dice(seed).pick
    story = StoredStory(pick, draw_plan(pick))
    story.begin()
    for _ in range(WISHES):
        story.pass_time(pick(STRIDES))
        wish = next_wish(story, pick)
        if wish is not None:
            story.send(wish)
    return story


@pytest.mark.parametrize("seed", SEEDS)
def test_stored_rows_equal_their_recomputation_from_the_events(seed: int) -> None:
    story = _told(seed)
    check(story.job)
    assert store.state_of(story.job) == store.load(story.job)


def test_the_histories_above_reach_what_matters() -> None:
    """Laws that hold of nothing are not kept: promises, ends, unknown outcomes, approvals, retries are among them."""
    seen = {kind for seed in range(100, 124) for kind in kinds_of(_told(seed).job)}
    wanted = {
        "tool_invocation_started", "tool_invocation_finished", "outcome_unknown", "job_parked", "node_failed",
        "approval_requested", "node_finished", "lease_lost", "job_failing", "compensation_finished",
    }  # fmt: skip
    assert wanted <= seen
