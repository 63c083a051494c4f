"""How a window is played: what is started, what is asked, and who dies where. Each gives the job, the damage done."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable

from jobs import cancel, fork, pause, retry
from tests.factories import person
from tests.fatal.processes import Running
from tests.fatal.stage import Stage
from tests.fatal.windows import callers, lasting, pruners
from tests.fatal.windows.attending import Attendant
from tests.fatal.windows.window import Window

Plot = Callable[[Stage, Window], Attendant]
TTL = 3.0  # seconds of silence after which a worker that stands still is declared dead
VERBS: dict[str, Callable[[str], object]] = {
    "cancel": lambda job: cancel(job, actor=person()),
    "pause": lambda job: pause(job, actor=person()),
}


def submitted(stage: Stage, window: Window) -> Attendant:
    """A job, and who attends it."""
    job = stage.submit_goal(window.form, window.goal, on_failure=window.on_failure)
    return Attendant(stage, window, job)


def until_dead(stage: Stage, attendant: Attendant, process: Running, *, ticking: bool = False) -> None:
    """Wait until a process that was told to die somewhere has died."""
    at = attendant.window.at
    attendant.until(lambda: not process.alive, f"process {process.pid} to die at {at!r}", ticking=ticking)


def step(stage: Stage, window: Window) -> Attendant:
    """A worker dies at its crash point; another comes."""
    first = stage.worker(crash=window.at, slots=window.slots)
    job = submitted(stage, window)
    until_dead(stage, job, first)
    stage.worker(slots=window.slots)
    return job


def call(stage: Stage, window: Window) -> Attendant:
    """The service holds the calls; something is asked of the job; the worker is killed, or dies once they are answered."""
    stage.effects.behave(**window.service)
    first = stage.worker(crash=window.at, slots=window.slots)
    job = submitted(stage, window)
    stage.until_hanging(max(1, len(window.effects)))
    if window.verb:
        VERBS[window.verb](job.job)
    if not window.at:
        first.kill()
    stage.effects.behave("normal")
    stage.effects.release()
    if window.at:
        stage.until_dead(first)
    stage.worker(slots=window.slots)
    return job


def sweep(stage: Stage, window: Window) -> Attendant:
    """A worker dies and leaves something behind; who cleans up after it dies too; a third comes."""
    if window.first:
        first = stage.worker(crash=window.first, slots=1)
        job = submitted(stage, window)
        until_dead(stage, job, first)
    else:
        job = submitted(stage, window)
        stage.lose_every_knock()
    second = stage.worker(crash=window.at, slots=1)
    until_dead(stage, job, second, ticking=True)
    stage.worker()
    return job


def timer(stage: Stage, window: Window) -> Attendant:
    """The worker that parked a job on a timer is gone; who fires the timer dies."""
    first = stage.worker(slots=1)
    job = submitted(stage, window)
    stage.until(lambda: stage.status(job.job) == "parked", "the job to sleep", ticking=False)
    return _killed_and_swept(stage, window, first, job)


def owed(stage: Stage, window: Window) -> Attendant:
    """The worker that owes a child its birth is gone, its knock is lost; who delivers dies."""
    first = stage.worker(crash="after_commit_before_knock:2", slots=1)
    job = submitted(stage, window)
    until_dead(stage, job, first)
    return _killed_and_swept(stage, window, first, job)


def _killed_and_swept(stage: Stage, window: Window, first: Running, job: Attendant) -> Attendant:
    first.kill()
    stage.lose_every_knock()
    second = stage.worker(crash=window.at, slots=1)
    until_dead(stage, job, second, ticking=True)
    stage.worker()
    return job


def unable(stage: Stage, window: Window) -> Attendant:
    """No living worker has what a step requires; who parks it dies."""
    first = stage.worker(crash=window.at, slots=1)
    job = submitted(stage, window)
    until_dead(stage, job, first, ticking=True)
    assert [each["kind"] for each in parked_on(stage, job)] == ["capability"]
    stage.worker(AETHERIS_CAPABILITIES="vault")
    return job


def able(stage: Stage, window: Window) -> Attendant:
    """A worker comes that has what a step requires; who wakes it dies."""
    stage.worker(slots=1)
    job = submitted(stage, window)
    job.until(lambda: parked_on(stage, job) != [], "the step to be parked")
    second = stage.worker(crash=window.at, AETHERIS_CAPABILITIES="vault", slots=1)
    stage.processes[0].kill()
    until_dead(stage, job, second, ticking=True)
    stage.worker(AETHERIS_CAPABILITIES="vault")
    return job


def parked_on(stage: Stage, job: Attendant) -> list[dict[str, str]]:
    """What the job waits for."""
    told: list[dict[str, str]] = json.loads(stage.job(job.job)["parked_on"])
    return told


def answer(stage: Stage, window: Window) -> Attendant:
    """The service misbehaves once."""
    stage.effects.behave(**window.service, times=1)
    stage.worker(slots=1)
    return submitted(stage, window)


def drain(stage: Stage, window: Window) -> Attendant:
    """A worker is told to leave during a call, and dies before it has."""
    stage.effects.behave(**window.service)
    first = stage.worker(crash=window.at, slots=1)
    job = submitted(stage, window)
    stage.until_hanging()
    first.send(signal.SIGTERM)
    stage.until(lambda: "Warm shutdown" in first.said or not first.alive, "a drain", ticking=False)
    stage.effects.behave("normal")
    if window.point == "in_goodbye":  # which comes when the call has been told
        stage.effects.release()
    if not window.at:
        first.kill()
    stage.until(lambda: not first.alive, "the drained worker to die", ticking=False)
    stage.effects.release()
    stage.worker()
    return job


def zombie(stage: Stage, window: Window) -> Attendant:
    """A worker stands still, another takes its step over and is through; then the first goes on, and adds evidence only."""
    first, job = _stands_still(stage, window)
    job.until_ended()
    told, row = job.story(), stage.job(job.job)
    _goes_on(stage, first)
    job.until(lambda: _came_back(first), "the worker that woke up to register anew")
    job.until(lambda: "late_outcome" in job.story() or "late_outcome" not in window.found, "its late word")
    added = Counter(job.story()) - Counter(told)
    assert set(added) <= {"late_outcome"}, f"it wrote {added}\n{stage.story()}"
    for column in ("status", "output", "error", "finished_at"):
        assert stage.job(job.job)[column] == row[column]
    return job


def zombie_wakes_soon(stage: Stage, window: Window) -> Attendant:
    """A worker stands still, its call is unknown; it goes on before anybody has said what became of it."""
    first, job = _stands_still(stage, window)
    job.until(lambda: any(each["kind"] == "unknown_outcome" for each in parked_on(stage, job)), "doubt")
    _goes_on(stage, first)
    return job


def _goes_on(stage: Stage, worker: Running) -> None:
    stage.go_on(worker)
    stage.effects.behave("normal")
    stage.effects.release()


def _stands_still(stage: Stage, window: Window) -> tuple[Running, Attendant]:
    if window.service:
        stage.effects.behave(**window.service, times=1)
    first = stage.worker(crash=window.at, slots=1, ttl=TTL)
    job = submitted(stage, window)
    if window.service:
        stage.until_hanging()
    stage.stop(first, at_its_point=bool(window.at))
    stage.worker(ttl=TTL)
    return first, job


def _came_back(worker: Running) -> bool:
    """Whether it has noticed that it was declared dead."""
    return worker.said.count("registered as") == 2


def asked(stage: Stage, window: Window) -> Attendant:
    """Something is asked of a job that waits; the worker that carries it out dies."""
    first = stage.worker(crash=window.at, slots=1)
    job = submitted(stage, window)
    stage.until_status(job.job, "parked")
    VERBS[window.verb](job.job)
    stage.until_dead(first)
    stage.worker()
    return job


def heir(stage: Stage, window: Window) -> Attendant:
    """A failed job gets an heir; the worker that drives it dies."""
    first = stage.worker(slots=1)
    job = submitted(stage, window)
    job.until_ended()
    first.kill()
    second = stage.worker(crash=window.at, slots=1)
    if window.verb == "fork":
        born = fork(job.job, callers.end_of(stage, job.job, "pay"), actor=person())
    else:
        born = retry(job.job, actor=person())
    stage.until_dead(second)
    stage.worker()
    return Attendant(stage, window, str(born))


PLOTS: dict[str, Plot] = {
    "step": step, "call": call, "sweep": sweep, "timer": timer, "owed": owed, "unable": unable, "able": able,
    "drain": drain, "answer": answer, "zombie": zombie, "zombie_wakes_soon": zombie_wakes_soon, "api": callers.api, "host": callers.host,
    "asked": asked, "heir": heir, "doubt": lasting.doubt, "clerk": lasting.clerk, "retention": pruners.retention,
}  # fmt: skip
