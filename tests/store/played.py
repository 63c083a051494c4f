"""The pieces that the machine of `test_model` plays with: each does the same to store and model, and compares."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import nullcontext
from copy import deepcopy
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from jobs import TaskGraph, clock, store
from jobs.core.commands import AdoptPlan, Command, Outcome, SendSignal, StartNode, Tell, Vote
from jobs.core.errors import Refused
from jobs.core.moments import plus, text
from jobs.store import reading
from tests.factories import a_worker, person, promise
from tests.store.reference import TIMEOUT, Model
from tests.store.rivals import commits_lost

PROCESSES = 2
WORKERS = 3
Claimed = tuple[str, str, int, int]  # job, step, fence, attempt


def graph() -> TaskGraph:
    """The job that the model knows."""
    g = TaskGraph()
    g.tool("look", "look")
    word = g.wait("word", signal="go", deadline="1d", on_timeout="continue")
    ask = g.approval("ask", question="Pay?", groups=["finance"], deadline="1d", on_timeout="reject")
    g.output(g.tool("pay", "pay", after=[ask, word]))
    return g


class Played(RuleBasedStateMachine):
    """Jobs, workers and processes, and what the model says of each job."""

    def __init__(self) -> None:
        super().__init__()
        self.caches: list[Any] = [OrderedDict() for _ in range(PROCESSES)]
        self.models: dict[str, Model] = {}
        self.claims: list[Claimed] = []  # also those that are over: their workers do not know
        self.workers = [a_worker() for _ in range(WORKERS)]
        self.dead: set[str] = set()
        self.heard: dict[str, set[str]] = {}
        self.now: datetime = clock.database_now()

    @property
    def second(self) -> float:
        """The moment, as the model counts."""
        return self.now.timestamp()

    def send(
        self, job: str, wish: Command, *, granted: bool, fate: str | None, worker: str | None = None
    ) -> Any:
        """Let one of the processes commit a wish whose answer may be lost; it is granted if the model says so."""
        losing = commits_lost(fate) if fate else nullcontext()
        done, said = None, ""
        try:
            with losing:
                done = store.commit(job, wish, now=self.now, worker=worker)
        except (Refused, store.WorkerDead) as refused:
            said = str(refused)
        assert (done is not None) == granted, (
            f"{wish} to {self.models[job]}: by the model {granted}; by the store {said}"
        )
        return done

    def _in(self, process: int) -> None:
        reading._entries = self.caches[process]

    def _a_job(self, data: Any) -> tuple[str, Model]:
        job = data.draw(st.sampled_from(sorted(self.models)))
        return job, self.models[job]

    def _signal(self, job: str, id: str, fate: str | None) -> None:
        model = self.models[job]
        known = id in self.heard[job]
        wish = SendSignal("go", {"id": id}, id, person())
        self.send(job, wish, granted=known or not model.ended, fate=None if known else fate)
        if not known and not model.ended:
            self.heard[job].add(id)
            model.fire(self.second)
            model.signalled()
            model.flow(self.second)

    def _vote(self, job: str, decision: str, fate: str | None) -> None:
        model = self.models[job]
        asked = store.state_of(job).calls.get("ask")
        info = asked.info if asked is not None else {"approval": "none", "digest": ""}
        trial = deepcopy(model)
        trial.fire(self.second)
        open_to_votes = trial.phase == "open" and trial.steps.get("ask") == "parked"
        wish = Vote(info["approval"], decision, info["digest"], person("bob"))
        self.send(job, wish, granted=open_to_votes, fate=fate if open_to_votes else None)
        if open_to_votes:
            self.models[job] = trial
            trial.voted(decision)
            trial.flow(self.second)

    def _claim(self, job: str, name: str, worker: str, fate: str | None) -> None:
        model = self.models[job]
        granted = model.may_claim(name, self.second) and worker not in self.dead
        attempt = model.attempts.get(name, 0) + 1
        made = None if name == "_plan" else self._promise(job, name)
        done = self.send(
            job, StartNode(name, worker, made), granted=granted, fate=fate if granted else None, worker=worker
        )
        if done is not None:
            self.claims.append((job, name, done.state.nodes[name].fence, attempt))
            model.claim(name, worker, self.second)

    def _promise(self, job: str, name: str) -> Any:
        effect = "pure" if name == "look" else "at_most_once"
        return promise(job, name, tool=name, effect=effect, deadline=plus(text(self.now), TIMEOUT))

    def _tell(self, claimed: Claimed, kind: str, fate: str | None) -> None:
        job, name, fence, attempt = claimed
        model = self.models[job]
        current = [each for each in self.claims if each[:2] == (job, name)][-1][2]
        granted = not model.ended and model.steps.get(name) == "running" and current == fence
        if name == "_plan":
            granted = granted and model.phase == "open"
            wish: Command = AdoptPlan(fence, graph().to_json())
        else:
            outcome = Outcome("landed", "ok") if kind == "landed" else Outcome(kind, error={"message": kind})
            wish = Tell(name, fence, name, attempt, outcome)
        self.send(job, wish, granted=granted, fate=fate if granted else None)
        if granted:
            model.planned() if name == "_plan" else model.told(name, kind, self.second)
            model.flow(self.second)
