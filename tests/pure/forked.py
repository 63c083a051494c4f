"""Forked stories: a second job that is born of the record of a first one, and goes on as any other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jobs.core.commands import Actor, ForkJob, Given
from jobs.core.forking import repeated
from jobs.core.past import Past, carried, read
from jobs.core.state import JobState
from tests.pure.story import Story

SECOND = "0198f0c0-0000-7000-8000-000000000002"
LATER = Actor(id="u7", name="zoe", groups=("finance", "heads"))


def past_of(story: Story, at: int | None = None) -> Past:
    """A story's record, cut."""
    return read(story.job, ((fact, f"hash of {fact.seq}") for fact in story.facts), at)


def listed(past: Past) -> frozenset[str]:
    """The calls that a fork would have to confirm."""
    return frozenset(each["invocation"] for each in repeated(past, carried(past.then)))


def asked(
    story: Story, how: str, at: int | None = None, *, job: str = SECOND, goal: Given | None = None,
    confirm: Iterable[str] | None = None,
) -> ForkJob:  # fmt: skip
    """The wish for a retry or a fork; whatever is listed is confirmed."""
    past = past_of(story, at)
    told = frozenset(confirm) if confirm is not None else listed(past) if how == "fork" else frozenset()
    return ForkJob(job, past, how, LATER, goal, told)


def born(story: Story, how: str, at: int | None = None, **more: Any) -> Story:
    """The second job's story; its first told wish may have been refused."""
    wish = asked(story, how, at, **more)
    second = replace(
        story,
        state=JobState(),
        facts=[],
        told=[],
        job=wish.job,
        programs=dict(story.programs),
        now=story.now,
        letters=story.letters + 100,  # whose ids the copied letters have not
    )
    second.send(wish)
    return second
