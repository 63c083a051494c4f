"""Code that was changed is found by a replay: the first difference is named by place, both sides and code version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forensics.services import replay_job
from jobs import TaskGraph, agent, agents, signal
from jobs.testing import run_until_parked
from tests.agents.tools import add, look, put
from tests.engine.driving import a_word, asked, flow
from tests.factories import person
from tests.forensics.looking import reads_only

pytestmark = pytest.mark.usefixtures("here")
Code = Callable[[Any, str], Any]
CODE: dict[str, Code] = {}
PLAN: dict[str, Callable[[], TaskGraph]] = {}


@flow
def rewritten(ctx: Any, goal: dict[str, Any]) -> Any:
    """Whatever the test says now."""
    return CODE["now"](ctx, goal["word"])


@flow
async def rewritten_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`."""
    return await CODE["now"](ctx, goal["word"])


@agent("redrawn")
def redrawn(goal: Any) -> TaskGraph:
    """The graph that the test says now."""
    return PLAN["now"]()


def first(ctx: Any, word: str) -> Any:
    """Look, add, wait, add again."""
    ctx.tool(look, word=word)
    ctx.state["n"] = ctx.tool(add, a=1)
    ctx.signal("go")
    return ctx.tool(add, a=5)


def variant(*, tool: Any = look, mark: str = "", a: int = 1, n: int = 0, more: int = 0) -> Code:
    """The same function with something changed."""

    def changed(ctx: Any, word: str) -> Any:
        ctx.tool(tool, word=word + mark)
        ctx.state["n"] = ctx.tool(add, a=a) + n
        ctx.signal("go")
        return ctx.tool(add, a=5) + more

    return changed


def _swapped(ctx: Any, word: str) -> Any:
    ctx.state["n"] = ctx.tool(add, a=1)
    ctx.tool(look, word=word)
    ctx.signal("go")
    return ctx.tool(add, a=5)


def _without_the_last(ctx: Any, word: str) -> Any:
    ctx.tool(look, word=word)
    ctx.state["n"] = ctx.tool(add, a=1)
    ctx.signal("go")
    return 6


def _with_one_more(ctx: Any, word: str) -> Any:
    return ctx.tool(add, a=first(ctx, word))


def _another_kind(ctx: Any, word: str) -> Any:
    ctx.tool(look, word=word)
    ctx.sleep(3)


def _raising(ctx: Any, word: str) -> Any:
    first(ctx, word)
    raise LookupError("gone")


def _caught(ctx: Any, word: str) -> Any:
    try:
        ctx.tool(put, word=word)
    except Exception:
        ctx.tool(add, a=1)
    return 6


def _gathered(ctx: Any, word: str) -> Any:
    return ctx.gather(ctx.later.tool(look, word=word), ctx.later.tool(add, a=1))


# what the code does now: (kind, path, what the record has, what the code asks)
CHANGES: dict[str, tuple[Code, tuple[str, str, str, str]]] = {
    "other tool": (variant(tool=put), ("other_command", "main/0", "tool look", "tool put")),
    "other argument": (variant(mark="!"), ("other_command", "main/0", "tool look with", "tool look with")),
    "later argument": (variant(a=2), ("other_command", "main/1", "tool add with", "tool add with")),
    "other order": (_swapped, ("other_command", "main/0", "tool look", "tool add")),
    "removed call": (_without_the_last, ("other_command", "main/3", "tool add", "nothing")),
    "added call": (_with_one_more, ("other_command", "main/4", "nothing more", "tool add")),
    "other kind": (_another_kind, ("other_command", "main/1", "tool add", "timer")),
    "changed result": (variant(more=1), ("other_result", "main", "", "")),
    "changed state": (variant(n=1), ("other_state", "main", "", "")),
    "exception instead of result": (_raising, ("other_end", "main", "a result", "LookupError: gone")),
    "a difference that the code catches": (_caught, ("other_command", "main/0", "tool look", "tool put")),
    "calls side by side": (
        _gathered,
        ("other_command", "main/0/0/0", "tool look at main/0", "tool look at main/0/0/0"),
    ),
}


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished job of the first code."""
    monkeypatch.setitem(CODE, "now", first)
    job = asked("rewritten", {"word": a_word()})
    run_until_parked(job)
    signal(job, "go", actor=person())
    assert run_until_parked(job).status == "completed"
    return job


def replayed(job: str) -> dict[str, Any]:
    """The difference that a replay finds, the same a second time."""
    with reads_only():
        told = replay_job(job)
        assert replay_job(job) == told
    assert told["ok"] is False
    problem: dict[str, Any] = told["problem"]
    assert problem["message"]
    assert problem["recorded"] != problem["asked"]
    return problem


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_code_is_found_at_its_first_difference(
    change: str, finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = replay_job(finished)["digest"]
    code, (kind, path, recorded, asks) = CHANGES[change]
    monkeypatch.setitem(CODE, "now", code)
    problem = replayed(finished)
    assert (problem["kind"], problem["node"], problem["path"]) == (kind, "main", path), problem["message"]
    assert problem["recorded"].startswith(recorded)
    assert problem["asked"].startswith(asks)
    told = replay_job(finished)
    assert (told["code"], told["digest"]) == ("rewritten@1", digest)


@pytest.mark.parametrize(
    "change", ["other tool", "other argument", "other order", "other kind", "calls side by side"]
)
def test_a_change_below_a_wait_that_is_still_open_is_found_too(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODE, "now", first)
    job = asked("rewritten", {"word": a_word()})
    assert run_until_parked(job).status == "parked"
    assert replay_job(job)["ok"]
    monkeypatch.setitem(CODE, "now", CHANGES[change][0])
    assert replayed(job)["path"] == CHANGES[change][1][1]


def test_a_wait_that_the_code_no_longer_knows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODE, "now", first)
    job = asked("rewritten", {"word": a_word()})
    run_until_parked(job)
    monkeypatch.setitem(CODE, "now", lambda ctx, word: [ctx.tool(look, word=word), ctx.tool(add, a=1)])
    problem = replayed(job)
    assert (problem["path"], problem["recorded"], problem["asked"]) == ("main/2", "signal go", "nothing")


def test_a_failure_of_another_kind_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODE, "now", lambda ctx, word: CODE["gone"])
    job = asked("rewritten", {"word": a_word()})
    assert run_until_parked(job).status == "failed"
    assert replay_job(job)["ok"]
    monkeypatch.setitem(CODE, "now", lambda ctx, word: 1 // 0)
    assert replayed(job)["asked"].startswith("ZeroDivisionError")
    monkeypatch.setitem(CODE, "now", lambda ctx, word: 1)
    assert replayed(job)["kind"] == "other_end"


def test_an_arm_more_in_an_async_gather_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(ctx: Any, word: str) -> Any:
        return await ctx.gather(ctx.tool(add, a=1), ctx.signal("go"))

    async def three(ctx: Any, word: str) -> Any:
        return await ctx.gather(ctx.tool(add, a=1), ctx.signal("go"), ctx.tool(add, a=2))

    monkeypatch.setitem(CODE, "now", two)
    job = asked("rewritten_async", {"word": a_word()})
    assert run_until_parked(job).status == "parked"
    assert replay_job(job)["ok"]
    monkeypatch.setitem(CODE, "now", three)
    assert replayed(job)["asked"] == "tool add at main/2"


def _graph(*names: str, a: int = 1) -> Callable[[], TaskGraph]:
    def draw() -> TaskGraph:
        graph = TaskGraph()
        for name in names:
            graph.tool(name, add, a=a)
        return graph

    return draw


@pytest.mark.parametrize(
    ("now", "path", "recorded", "asks"),
    [
        (_graph("one", "two", a=2), "one", '{"args"', '{"args"'),
        (_graph("one"), "two", "node two", "nothing"),
        (_graph("one", "two", "three"), "three", "nothing", "node three"),
        (_graph("two", "one"), "one", "node one", "node two"),
        (_graph(), "_plan", "", "a graph needs at least one node"),
    ],
)
def test_another_graph_is_found_at_its_first_other_node(
    now: Callable[[], TaskGraph], path: str, recorded: str, asks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLAN, "now", _graph("one", "two"))
    job = asked("redrawn")
    assert run_until_parked(job).status == "completed"
    monkeypatch.setitem(PLAN, "now", now)
    problem = replayed(job)
    assert (problem["kind"], problem["node"], problem["path"]) == ("other_plan", "_plan", path)
    assert problem["recorded"].startswith(recorded)
    assert problem["asked"].startswith(asks)


def test_a_version_that_is_not_registered_here_is_named(
    finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(agents._agents, ("rewritten", "1"))
    problem = replayed(finished)
    assert (problem["kind"], problem["recorded"]) == ("code_missing", "rewritten@1")
    assert "rewritten@1" in problem["message"]


def test_a_patch_that_came_later_does_not_part_code_and_record(
    finished: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def patched(ctx: Any, word: str) -> Any:
        if ctx.patched("new"):
            return ctx.sleep(5)
        return first(ctx, word)

    monkeypatch.setitem(CODE, "now", patched)
    assert replay_job(finished)["problem"] is None
