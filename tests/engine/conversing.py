"""Agent instances in tests: make one, send it words, and look at what it keeps."""

from __future__ import annotations

import json
from typing import Any

from forensics.services import replay_job, verify_job
from jobs import create_agent, message_agent
from jobs.core.state import JobState
from jobs.models import AgentInstance, Job
from jobs.queries.instances import instance_json
from jobs.testing import run_until_parked
from tests.agents import desks  # noqa: F401 - registers the toy agents
from tests.factories import person
from tests.store.audit import check

ANN = person()


def a_desk(**more: Any) -> str:
    return str(create_agent("desk", actor=more.pop("actor", ANN), **more))


def said(instance: str, word: str, *, id: str | None = None, not_before: Any = None, **more: Any) -> str:
    body = {"word": word, **more}
    return str(message_agent(instance, body, id=id, not_before=not_before, actor=ANN))


def row(instance: str) -> AgentInstance:
    return AgentInstance.objects.get(id=instance)


def shown(instance: str) -> dict[str, Any]:
    return instance_json(row(instance))


def state(instance: str) -> Any:
    return json.loads(row(instance).state)


def all_of(instance: str) -> list[Job]:
    """The instance's jobs in the order in which they came."""
    return list(Job.objects.filter(instance=instance).order_by("created_at"))


def run(*jobs: str) -> list[JobState]:
    return [run_until_parked(job) for job in jobs]


def sound(instance: str) -> None:
    """Every job of the instance, and the instance itself, is what the events say."""
    for job in all_of(instance):
        check(str(job.id))
        found = verify_job(str(job.id))
        assert found["ok"], found["problem"]
        again = replay_job(str(job.id))
        assert again["ok"], again["problem"]
