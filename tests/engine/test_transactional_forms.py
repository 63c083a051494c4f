"""Transactional tools in every form that a step can have, and their business keys."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import CallFailed, TaskGraph
from jobs.testing import run_until_parked
from ledger import NotLanded
from tests.agents import world
from tests.agents.ledgers import enrol, enrol_once, rows
from tests.engine.driving import (
    a_word,
    after,
    asked,
    error_of,
    flow,
    line_of,
    one,
    ran,
    started,
)
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


@flow
def enrols(ctx: Any, goal: dict[str, Any]) -> Any:
    """Write a row, and say what became of it."""
    try:
        return ctx.tool(enrol, word=goal["word"])
    except CallFailed as failed:
        return failed.code


@flow
async def enrols_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same on the event loop."""
    try:
        return await ctx.tool(enrol, word=goal["word"])
    except CallFailed as failed:
        return failed.code


@flow
def enrols_many(ctx: Any, goal: dict[str, Any]) -> Any:
    """Write rows side by side."""
    ctx.random()
    return len(ctx.gather(*[ctx.later.tool(enrol, word=word) for word in goal["words"]]))


@flow
async def enrols_many_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same on the event loop."""
    await ctx.random()
    return len(await ctx.gather(*[ctx.tool(enrol, word=word) for word in goal["words"]]))


@pytest.mark.parametrize("form", ["enrols", "enrols_async"])
def test_in_a_workflow_an_exception_leaves_no_row_and_the_second_attempt_one(form: str) -> None:
    word = a_word()
    world.script(word, ValueError("broken"))
    job = asked(form, {"word": word})
    run_until_parked(job)
    assert rows(word) == []
    state = after(job, 11)
    assert (state.output["attempt"], rows(word)) == (2, [f"{word} 2"])
    check(job)


@pytest.mark.parametrize("form", ["enrols", "enrols_async"])
def test_a_workflow_that_catches_a_failure_that_stays_goes_on_without_a_row(form: str) -> None:
    word = a_word()
    world.script(word, NotLanded("never", permanent=True))
    assert run_until_parked(asked(form, {"word": word})).output == "not_landed"
    assert rows(word) == []


@pytest.mark.parametrize("form", ["enrols_many", "enrols_many_async"])
def test_arms_of_a_gather_write_one_row_each(form: str) -> None:
    words = [a_word() for _ in range(4)]
    world.script(words[1], ValueError("broken"))
    job = asked(form, {"words": words})
    run_until_parked(job)
    assert after(job, 11).output == 4
    assert [len(rows(word)) for word in words] == [1, 1, 1, 1]
    check(job)


def test_items_of_a_map_write_one_row_each() -> None:
    graph, words = TaskGraph(), [a_word() for _ in range(3)]
    world.script(words[2], ValueError("broken"))
    graph.output(graph.map("all", enrol, over=words, each={"word": graph.item}))
    job = started(graph)
    run_until_parked(job)
    assert after(job, 11).status == "completed"
    assert [len(rows(word)) for word in words] == [1, 1, 1]
    check(job)


def test_a_step_after_a_transactional_one_sees_its_rows() -> None:
    graph, word = TaskGraph(), a_word()
    first = graph.tool("first", enrol, word=word)
    graph.output(graph.tool("second", enrol, word=first["row"]))
    assert ran(graph).output["row"] == f"{word} 1 1"
    assert rows(word) == [f"{word} 1", f"{word} 1 1"]


def test_a_business_key_is_used_once_and_recalled() -> None:
    word = a_word()
    assert ran(one(enrol_once, word, n=1)).output == {"n": 1}
    second = started(one(enrol_once, word, n=1))
    assert run_until_parked(second).output == {"n": 1}
    assert (rows(word), line_of(second).state) == ([f"{word} 1"], "recalled")
    assert error_of(ran(one(enrol_once, word, n=2)))["code"] == "key_conflict"


def test_a_call_that_was_rolled_back_gives_its_business_key_to_another_job() -> None:
    word = a_word()
    world.script(word, NotLanded("never", permanent=True))
    error_of(ran(one(enrol_once, word)))
    assert ran(one(enrol_once, word)).status == "completed"
    assert rows(word) == [f"{word} 2"]
