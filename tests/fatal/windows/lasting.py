"""Windows of work that lasts: a job that asks the world before it goes on, and an agent that lives from message to message."""

from __future__ import annotations

import json

from jobs import create_agent, message_agent
from tests.factories import person
from tests.fatal.stage import Stage
from tests.fatal.windows.attending import Attendant
from tests.fatal.windows.window import Window


def doubt(stage: Stage, window: Window) -> Attendant:
    """The service holds the question whether a payment stands; the worker that asks is killed."""
    stage.effects.behave("hang", on="probe")
    first = stage.worker(slots=1)
    job = Attendant(stage, window, stage.submit_goal(window.form, window.goal))
    job.until(lambda: stage.effects.hanging == 1, "the question whether the payment stands")
    first.kill()
    stage.effects.behave("normal", on="probe")
    stage.effects.release()
    stage.worker()
    return job


def clerk(stage: Stage, window: Window) -> Attendant:
    """Two messages to one agent; the worker dies at the first, and the second finds what the first has left."""
    first = stage.worker(crash=window.at, slots=1)
    agent = str(create_agent("fatal-clerk", actor=person()))
    jobs = [str(message_agent(agent, window.goal, id=word, actor=person())) for word in ("one", "two")]
    stage.until_dead(first)
    stage.worker()
    attendant = Attendant(stage, window, jobs[0])

    def second_follows() -> None:
        stage.until_status(jobs[1], "completed", "failed")
        assert stage.counts(jobs[1]) == [1], stage.story()
        paid = json.loads(stage.job(jobs[1])["output"])
        assert [paid[0]] == json.loads(stage.job(jobs[0])["output"]), stage.story()
        assert len(paid) == 2, "it did not know of the payment before it"

    attendant.afterwards = second_follows
    return attendant
