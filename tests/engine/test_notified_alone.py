"""Nobody but the installation itself has people told of something."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from jobs import TaskGraph, services
from jobs.core.errors import Invalid
from jobs.models import Job
from jobs.notifying import AGENT
from jobs.services.submitting import new_id
from jobs.testing import run_until_parked
from tests.engine.driving import started
from tests.engine.telling import Room, mails_to, switch_on, told_of

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    switch_on(settings)


def test_nobody_has_something_sent_to_whom_they_like() -> None:
    """Neither asked for outright, nor as the child of a plan, nor however else a job of that agent came to be."""
    room, other = Room(), Room()
    ann, foreign = room.join(), other.join()
    job = room.ask()
    [told] = told_of(job)
    goal = {**told.goal, "to": str(foreign.pk)}
    with pytest.raises(Invalid, match="for the installation alone"):
        services.submit(AGENT, goal)
    with pytest.raises(Invalid, match="for the installation alone"):
        services.create_agent(f"{AGENT}@1")
    graph = TaskGraph()
    graph.output(graph.agent("sly", AGENT, goal=goal))
    run_until_parked(started(graph))
    again = str(new_id())
    services.notifying.submitted(again, goal, told.tenant, told.goal["occasion"])
    sly = list(Job.objects.filter(agent=AGENT, goal__contains=job).exclude(id=told.job))
    assert len(sly) == 2
    assert [run_until_parked(str(each.id)).status for each in sly] == ["failed", "failed"]
    assert mails_to(mail.outbox, foreign) == []
    assert len(mails_to(mail.outbox, ann)) == 1
