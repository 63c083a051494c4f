"""Seeding: so many jobs and events for one tenant, in an order that is the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from .. import clock
from ..core.chain import GENESIS
from ..core.moments import text
from ..core.state import JobState
from ..models import Job
from ..store.writing import append, insert_job, seal
from ..turns import turn
from .copying import TABLES, Template
from .stories import LONGER, STORIES, Story, Telling, long
from .writing import analyse, columns_of, insert

AT_ONCE = 500  # jobs of one transaction
SPAN = timedelta(days=90)


class Refusal(Exception):
    """It is not seeded; the text says why, and what to do."""


@dataclass(frozen=True)
class Report:
    """What was written."""

    jobs: int
    events: int


def seed(
    jobs: int, events: int, tenant: str, number: int = 1, said: Callable[[int], None] = lambda done: None
) -> Report:
    """Write jobs with whole histories, most of them ended, some that wait for a person.

    Args:
        jobs: how many.
        events: how many in all, met to within the length of one long job.
        tenant: whose; it must have no job.
        number: the same number gives the same jobs, for the same tenant.
        said: is told after each batch how many jobs there are.

    Raises:
        Refusal: the tenant has jobs, or so many jobs need more events.
    """
    if Job.objects.filter(tenant=tenant).exists():
        raise Refusal(f"tenant {tenant} has jobs already, and events cannot be removed; name another tenant")
    dice = Random(f"{tenant}/{number}")
    begin = clock.now() - SPAN
    templates, longer = _templates(tenant, dice, begin)
    kinds = _kinds(jobs, events, templates, longer)
    dice.shuffle(kinds)
    written = 0
    for batch in _batches(kinds, begin, dice):
        made: dict[type[Model], list[list[Any]]] = {model: [] for model in TABLES}
        for template, job, at in batch:
            for model, rows in template.copy(job, at, dice).items():
                made[model] += rows
        with turn(), transaction.atomic():
            insert(made)
        written += len(batch)
        said(written)
    analyse()
    return Report(len(kinds), sum(each.events for each in kinds))


def _kinds(jobs: int, events: int, templates: list[tuple[Template, int]], longer: Template) -> list[Template]:
    """Which template each job is a copy of: by share, and as many long ones as the events need."""
    kinds = [each for each, share in templates[:-1] for _ in range(jobs * share // 1_000)]
    filler = templates[-1][0]
    rest = jobs - len(kinds)
    missing = events - sum(each.events for each in kinds) - rest * filler.events
    if missing < -len(kinds):
        raise Refusal(
            f"{jobs:,} jobs have at least {events - missing:,} events; ask for more events or fewer jobs"
        )
    many = max(0, round(missing / (longer.events - filler.events)))
    if many > rest:
        most = events - missing + rest * (longer.events - filler.events)
        raise Refusal(f"{jobs:,} jobs have at most {most:,} events; ask for fewer events or more jobs")
    return [*kinds, *[longer] * many, *[filler] * (rest - many)]


def _batches(
    kinds: list[Template], begin: datetime, dice: Random
) -> Iterator[list[tuple[Template, str, datetime]]]:
    """Each job with its id and its moment, the oldest first."""
    step = SPAN / (len(kinds) + 1)
    for start in range(0, len(kinds), AT_ONCE):
        some = enumerate(kinds[start : start + AT_ONCE], start)
        yield [(kind, _id(at := begin + step * index, dice), at) for index, kind in some]


def _id(at: datetime, dice: Random) -> str:
    """A UUID of version 7 of that moment (RFC 9562)."""
    value = int(at.timestamp() * 1_000) << 80 | dice.getrandbits(80)
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def _templates(tenant: str, dice: Random, begin: datetime) -> tuple[list[tuple[Template, int]], Template]:
    """What is copied: written through the store once, read back, and taken back."""
    found = []
    for agent, tell, share in STORIES:
        told = Telling(_id(begin, dice), agent, tenant, text(begin))
        found.append((_template(tell(told, share)), share))
    agent, calls = LONGER
    return found, _template(long(Telling(_id(begin, dice), agent, tenant, text(begin)), calls))


def _template(story: Story) -> Template:
    with turn(), transaction.atomic():
        sealed = seal(JobState(job=story.state.job), story.state, story.facts, GENESIS)
        insert_job(sealed)
        append(sealed)
        rows = {model: _rows(model, story.state.job) for model in TABLES}
        transaction.set_rollback(True)
    return Template(rows, story.state.job, story.words)


def _rows(model: type[Model], job: str) -> list[dict[str, Any]]:
    key = {"id": job} if model is Job else {"job_id": job}
    rows = model._default_manager.filter(**key).order_by("pk")
    return [dict(row) for row in rows.values(*columns_of(model))]
