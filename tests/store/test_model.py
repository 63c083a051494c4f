"""Commands in any order, from several processes, with lost answers and dead workers, against a model on paper."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from forensics.services import verify_job
from jobs import scheduler, store
from jobs.core.commands import (
    Answer,
    Cancel,
    Due,
    Pause,
    Resume,
)
from jobs.core.moments import parse
from jobs.models import Event, Job, Step, Worker
from jobs.store import reading
from ledger.models import Invocation
from tests.factories import a_job, a_worker, person
from tests.store import audit
from tests.store.played import PROCESSES, Played
from tests.store.reference import CLAIMED, ENDED, Model

FATES = st.sampled_from([None, None, None, "written", "gone"])
STRIDES = st.sampled_from([0.5, 2.0, 2.0, 70.0, 90_000.0])


class Runtime(Played):
    """Every rule does to the store what it says, tells the model, and compares what was granted."""

    # --- the outside -------------------------------------------------------------------------------

    @rule(
        process=st.integers(0, PROCESSES - 1),
        stage=st.sampled_from(["new", "planned", "approved", "approved"]),
    )
    @precondition(lambda self: len(self.models) < 3)
    def submit(self, process: int, stage: str) -> None:
        """A new job; mostly one that has come some way already, or few would ever pay."""
        self._in(process)
        job = a_job()
        self.models[job], self.heard[job] = Model(), set()
        self.now = max(self.now, parse(store.load(job).at))
        if stage != "new":
            self._claim(job, "_plan", self.workers[0], None)
            self._tell(self.claims[-1], "landed", None)
        if stage == "approved":
            self._signal(job, "first", None)
            self._vote(job, "approve", None)

    @rule(stride=STRIDES)
    def pass_time(self, stride: float) -> None:
        self.now += timedelta(seconds=stride)

    @rule(data=st.data(), fate=FATES, process=st.integers(0, PROCESSES - 1), id=st.sampled_from("abc"))
    @precondition(lambda self: self.models)
    def signal(self, data: Any, fate: str | None, process: int, id: str) -> None:
        self._in(process)
        self._signal(self._a_job(data)[0], id, fate)

    @rule(
        data=st.data(),
        fate=FATES,
        process=st.integers(0, PROCESSES - 1),
        decision=st.sampled_from(["approve", "reject"]),
    )
    @precondition(lambda self: self.models)
    def vote(self, data: Any, fate: str | None, process: int, decision: str) -> None:
        self._in(process)
        self._vote(self._a_job(data)[0], decision, fate)

    @rule(
        data=st.data(),
        fate=FATES,
        process=st.integers(0, PROCESSES - 1),
        what=st.sampled_from([Pause, Resume, Pause, Resume, Resume, Cancel]),
    )
    @precondition(lambda self: self.models)
    def control(self, data: Any, fate: str | None, process: int, what: Any) -> None:
        self._in(process)
        job, model = self._a_job(data)
        if what is Cancel:
            granted, moves = model.phase not in ("completed", "failed"), model.phase in ("open", "failing")
        elif what is Pause:
            granted, moves = model.phase == "open", model.phase == "open" and not model.paused
        else:
            granted = moves = model.paused
        self.send(job, what(person()), granted=granted, fate=fate if moves else None)
        if moves:
            model.paused = what is Pause
            model.phase = "cancelling" if what is Cancel else model.phase
            model.flow(self.second)

    @rule(
        data=st.data(),
        fate=FATES,
        process=st.integers(0, PROCESSES - 1),
        verdict=st.sampled_from(["landed", "absent", "fail"]),
    )
    @precondition(lambda self: any(model.unknown for model in self.models.values()))
    def resolve(self, data: Any, fate: str | None, process: int, verdict: str) -> None:
        self._in(process)
        job, model = self._a_job(data)
        granted = model.unknown
        answer = Answer("pay", verdict, person(), result="ok" if verdict == "landed" else None)
        self.send(job, answer, granted=granted, fate=fate if granted else None)
        if granted:
            model.resolved(verdict)
            model.flow(self.second)

    # --- workers -----------------------------------------------------------------------------------

    @rule(data=st.data(), fate=FATES, process=st.integers(0, PROCESSES - 1))
    @precondition(lambda self: self.models)
    def claim(self, data: Any, fate: str | None, process: int) -> None:
        self._in(process)
        job, model = self._a_job(data)
        fit = [each for each in CLAIMED if model.may_claim(each, self.second)]
        name = data.draw(st.sampled_from([*fit, *fit, *fit, *CLAIMED]))
        worker = data.draw(st.sampled_from([*self.workers, *sorted(self.dead)[:1]]))
        self._claim(job, name, worker, fate)

    @rule(
        data=st.data(),
        fate=FATES,
        process=st.integers(0, PROCESSES - 1),
        kind=st.sampled_from(["landed", "landed", "raised", "not_landed"]),
    )
    @precondition(lambda self: self.claims)
    def tell(self, data: Any, fate: str | None, process: int, kind: str) -> None:
        self._in(process)
        self._tell(data.draw(st.sampled_from([*self.claims, *self.claims[-3:] * 3])), kind, fate)

    @rule(data=st.data())
    def die(self, data: Any) -> None:
        worker = data.draw(st.sampled_from(self.workers))
        Worker.objects.filter(id=worker).update(dead=True)
        self.dead.add(worker)
        self.workers[self.workers.index(worker)] = a_worker()

    @rule(process=st.integers(0, PROCESSES - 1))
    @precondition(lambda self: self.dead)
    def sweep_the_dead(self, process: int) -> None:
        self._in(process)
        scheduler.release_dead(self.now)
        for model in self.models.values():
            for name in CLAIMED:
                held = model.steps.get(name) == "running" and model.holder[name] in self.dead
                if held and not model.ended:
                    model.lost(name, died=True)
            model.flow(self.second)

    @rule(
        data=st.data(),
        process=st.integers(0, PROCESSES - 1),
        name=st.sampled_from(["word", "ask", "look", "pay"]),
    )
    @precondition(lambda self: self.models)
    def sweep_the_due(self, data: Any, process: int, name: str) -> None:
        self._in(process)
        job, model = self._a_job(data)
        store.commit(job, Due(name), now=self.now)
        if model.ended or name not in model.agenda:
            return
        if name in ("word", "ask"):
            model.fire(self.second)
        elif model.steps[name] == "running" and model.due[name] <= self.second:
            model.lost(name)
        model.flow(self.second)

    # --- what must be so ---------------------------------------------------------------------------

    @invariant()
    def the_rows_are_what_the_model_says(self) -> None:
        for job, model in self.models.items():
            row = Job.objects.get(id=job)
            assert (row.status, row.phase) == (model.status, model.phase), model
            assert dict(Step.objects.filter(job_id=job).values_list("node", "state")) == model.agenda, model
            assert dict(Invocation.objects.filter(job_id=job).values_list("node", "state")) == model.book, (
                model
            )
            ends = Event.objects.filter(job_id=job, type__in=[f"job_{end}" for end in ENDED]).count()
            assert ends == int(model.ended)
            heard = Event.objects.filter(job_id=job, type="signal_received").count()
            assert heard == len(self.heard[job]), "each signal is heard once, however often it is sent"
            assert model.landed <= 1, "the payment may have been made twice"

    def teardown(self) -> None:
        for job in self.models:
            audit.check(job)
            assert verify_job(job)["problem"] is None


@pytest.mark.timeout(600)
def test_whatever_is_done_in_whatever_order_the_store_says_what_the_model_says(
    engine_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_entries", reading._entries)  # put back at the end, whoever was last
    run_state_machine_as_test(Runtime, settings=settings(stateful_step_count=40))
