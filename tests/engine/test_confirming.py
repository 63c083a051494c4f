"""Confirmation replay through the real runner: a job that has waited asks the world before it goes on (E7)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from jobs import TaskGraph, accept_divergence, confirm, signal
from jobs.core.confirming import CONFIRM_RETRY
from jobs.core.errors import Illegal
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import tools
from tests.agents import world
from tests.agents.confirmed import BY_MODE, strict
from tests.agents.tools import look
from tests.engine.doubting import line, parked, told
from tests.engine.driving import a_word, after, asked, error_of, flow, kinds, started
from tests.factories import person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


def test_what_landed_is_confirmed_with_its_result_before_the_job_goes_on() -> None:
    word = a_word()
    job = parked(strict, word)
    assert world.times(f"confirm {word}") == 0
    assert told(job).status == "completed"
    assert world.times(f"confirm {word}") == world.times(word) == 1
    assert world.times(f"confirm {word} of 1") == 1
    order = kinds(job)
    assert order.index("world_confirmed") < order.index("node_started", order.index("signal_received"))
    check(job)


def test_a_strict_mismatch_fails_the_job_names_the_effect_and_executes_nothing() -> None:
    word = a_word()
    world.script(f"confirm {word}", False)
    job = parked(strict, word)
    error = error_of(told(job))
    assert (error["code"], error["path"], error["invocation"]) == ("world_diverged", "one", str(line(job).id))
    assert (world.times(word), world.times(f"{word} two"), line(job).state) == (1, 0, "landed")
    check(job)


def test_a_mismatch_that_warns_is_recorded_and_the_job_goes_on() -> None:
    word = a_word()
    world.script(f"confirm {word}", False)
    job = parked(BY_MODE["warn"], word)
    assert told(job).status == "completed"
    assert "world_diverged" in kinds(job)
    check(job)


def test_a_confirm_function_that_fails_proves_nothing_and_is_asked_again() -> None:
    word = a_word()
    world.script(f"confirm {word}", OSError("no route"), "maybe")
    job = parked(strict, word)
    state = told(job)
    assert state.status == "parked"
    assert state.nodes["two"].wake_at is not None
    after(job, 3)
    assert world.times(f"confirm {word}") == 2
    assert after(job, 10).status == "completed"
    assert (world.times(f"confirm {word}"), world.times(word)) == (3, 1)
    bodies = [event.body for event in Event.objects.filter(job_id=job, type="job_parked").order_by("seq")]
    assert "no route" in str(bodies[1])
    assert "must give True or False" in str(bodies[2])
    check(job)


def test_a_confirm_function_that_fails_for_ever_leaves_it_to_a_person() -> None:
    word = a_word()
    most = CONFIRM_RETRY.max_attempts
    world.script(f"confirm {word}", *[OSError("no route")] * most)
    job = parked(strict, word)
    told(job)
    for _ in range(2 * most):
        state = after(job, 1000)
    assert (state.status, state.nodes["two"].wake_at) == ("parked", None)
    assert world.times(f"confirm {word}") == most
    accept_divergence(line(job).id, actor=person(), comment="I have looked")
    assert run_until_parked(job).status == "completed"
    assert "world_diverged" not in kinds(job)
    check(job)


def test_a_worker_without_the_tool_leaves_the_doubt_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    word = a_word()
    job = parked(strict, word)
    others = dict(tools._tools)
    del others[strict.name]
    with monkeypatch.context() as patch:
        patch.setattr(tools, "_tools", others)
        assert told(job).status == "parked"
        assert [each["state"] for each in confirm(job, actor=person())] == ["unknown"]
    assert after(job, 3).status == "completed"


def test_a_process_that_dies_between_the_answer_and_its_record_leaves_the_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from jobs import world as asking

    word = a_word()
    job = parked(strict, word)

    def dies(*_: Any) -> Any:
        usual(*_)
        raise SystemExit

    usual = asking.look
    with monkeypatch.context() as patch:
        patch.setattr(asking, "look", dies)
        signal(job, "go", actor=person())
        with pytest.raises(SystemExit):
            run_until_parked(job)
    assert "world_confirmed" not in kinds(job)
    assert run_until_parked(job).status == "completed"
    assert world.times(f"confirm {word}") == 2


def test_no_connection_is_held_open_in_a_transaction_while_the_world_is_asked() -> None:
    word, seen = a_word(), []
    job = parked(strict, word)
    usual = world.answer

    def looking(what: str, default: Any) -> Any:
        if what.startswith("confirm"):
            seen.append(connection.in_atomic_block)
        return usual(what, default)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "answer", looking)
        assert told(job).status == "completed"
    assert seen == [False]
    with transaction.atomic(), pytest.raises(Illegal, match="not confirmed inside a transaction"):
        confirm(job, actor=person())


def test_it_is_asked_once_per_resume_however_many_steps_follow() -> None:
    graph, word = TaskGraph(), a_word()
    one = graph.tool("one", strict, word=word)
    go = graph.wait("word", signal="go", after=[one])
    for name in ("a", "b", "c"):
        graph.tool(name, look, word=f"{word} {name}", after=[go])
    again = graph.wait("again", signal="again", after=[go])
    graph.tool("last", look, word=f"{word} last", after=[again])
    job = started(graph)
    run_until_parked(job)
    assert told(job).status == "parked"
    assert world.times(f"confirm {word}") == 1
    signal(job, "again", actor=person())
    assert run_until_parked(job).status == "completed"
    assert world.times(f"confirm {word}") == 2


@flow
def waits_and_goes_on(ctx: Any, goal: dict[str, Any]) -> Any:
    """Act, wait, act."""
    first = ctx.tool(goal["tool"], word=goal["word"])
    ctx.signal("go")
    return [first, ctx.tool(look, word=f"{goal['word']} two")]


@flow
async def waits_and_goes_on_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same on the event loop."""
    first = await ctx.tool(goal["tool"], word=goal["word"])
    await ctx.signal("go")
    return [first, await ctx.tool(look, word=f"{goal['word']} two")]


@pytest.mark.parametrize("form", ["waits_and_goes_on", "waits_and_goes_on_async"])
@pytest.mark.parametrize(("answer", "ends"), [(True, "completed"), (False, "failed")])
def test_a_workflow_that_has_waited_asks_before_it_runs_again(form: str, answer: bool, ends: str) -> None:
    word = a_word()
    world.script(f"confirm {word}", answer)
    job = asked(form, {"tool": strict.name, "word": word})
    run_until_parked(job)
    assert told(job).status == ends
    assert (world.times(word), world.times(f"{word} two")) == (1, int(answer))
    check(job)
