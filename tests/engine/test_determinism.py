"""A workflow asks the same in every run: another question at a path is refused, naming both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jobs import signal
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, look, send
from tests.engine.driving import a_word, asked, error_of, flow
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
CODE: dict[str, Callable[[Any, str], Any]] = {}


@flow
def changing(ctx: Any, goal: dict[str, Any]) -> Any:
    """Whatever the test says now, then a wait, then whatever the test says now."""
    CODE["now"](ctx, goal["word"])
    return ctx.signal("go")


def first(ctx: Any, word: str) -> Any:
    ctx.tool(look, word=word)
    ctx.tool(add, a=1)


CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "another kind": lambda ctx, word: ctx.sleep(1),
    "another name": lambda ctx, word: ctx.tool(send, word=word),
    "other arguments": lambda ctx, word: ctx.tool(look, word=word + "!"),
    "another order": lambda ctx, word: (ctx.tool(add, a=1), ctx.tool(look, word=word)),
    "a reading": lambda ctx, word: ctx.now(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_question_at_a_path_is_refused_naming_both(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = a_word()
    monkeypatch.setitem(CODE, "now", first)
    job = asked("changing", {"word": word})
    assert run_until_parked(job).status == "parked"
    monkeypatch.setitem(CODE, "now", CHANGES[change])
    signal(job, "go", actor=person())
    error = error_of(run_until_parked(job))
    assert error["code"] == "non_determinism"
    assert error["path"] == "main/0"
    assert "look" in error["recorded"]
    assert error["recorded"] != error["asked"]
    assert world.times(word) == 1, "nothing new is called"


def caught(ctx: Any, word: str) -> None:
    try:
        ctx.tool(add, a=2)
    except Exception:
        ctx.state["went on"] = True


@pytest.mark.parametrize("afterwards", [lambda ctx, word: None, lambda ctx, word: ctx.tool(send, word=word)])
def test_code_that_catches_the_refusal_gets_no_further(
    afterwards: Callable[[Any, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    word = a_word()
    monkeypatch.setitem(CODE, "now", first)
    job = asked("changing", {"word": word})
    run_until_parked(job)

    def anew(ctx: Any, word: str) -> None:
        caught(ctx, word)
        afterwards(ctx, word)

    monkeypatch.setitem(CODE, "now", anew)
    signal(job, "go", actor=person())
    error = error_of(run_until_parked(job))
    assert (error["code"], error["path"]) == ("non_determinism", "main/0")
    assert world.times(word) == 1, "nothing new is called"


def test_code_that_ends_earlier_than_before_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked stays on record; the wait of the old code was answered."""
    monkeypatch.setitem(CODE, "now", first)
    job = asked("changing", {"word": a_word()})
    run_until_parked(job)
    signal(job, "go", "gone", actor=person())
    assert run_until_parked(job).output == "gone"
