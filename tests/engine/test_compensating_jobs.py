"""Compensation in every form of job: workflows, maps, children, cancelled jobs, and whose worker may do it (design: E8)."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import TaskGraph, cancel, clock, pause, resolve, runner, scheduler, store
from jobs.core.errors import Illegal
from jobs.core.names import PlanError
from jobs.incarnation import Incarnation
from jobs.models import Job, Step, Worker
from jobs.store import load
from jobs.testing import run_until_parked
from jobs.worker import stop_what_is_cancelled
from ledger import Landed, NotLanded, ToolCall, tool
from ledger.models import Invocation
from tests.agents import world
from tests.engine.driving import a_word, after, flow, kinds, started
from tests.engine.sagas import (
    AT_ONCE,
    blind,
    book,
    chain,
    compensating,
    lines,
    order,
    report,
    stumble,
    undone,
    wire,
)
from tests.factories import a_worker, person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


def test_calls_of_workflows_and_items_of_maps_are_undone_by_their_paths() -> None:
    word = a_word()

    def saga_flow(ctx: Any, goal: Any) -> None:
        ctx.tool(book, word=word, name="first")
        ctx.tool(book, word=word, name="second")
        ctx.tool(stumble, word=word)

    made = flow(saga_flow)
    graph = TaskGraph()
    items = graph.map("each", book, over=["a", "b"], each={"word": word, "name": graph.item}, concurrency=1)
    graph.workflow("w", made.name, goal={}, after=[items])
    job = compensating(graph)
    state = run_until_parked(job)
    assert undone(word) == ["second", "first", "b", "a"]
    assert report(state)["undone"] == ["each/0", "each/1", "w/0", "w/1"]
    assert lines(job)["_compensate/w/0"] == "landed"
    check(job)


@pytest.mark.parametrize(("on_failure", "compensate", "undoes"), [
    ("fail", None, False), ("fail", True, True), ("compensate", None, True), ("compensate", False, False),
])  # fmt: skip
def test_a_cancelled_job_undoes_what_it_is_told_to(
    on_failure: str, compensate: bool | None, undoes: bool
) -> None:
    word = a_word()
    graph = TaskGraph()
    first = graph.tool("s0", book, word=word, name="s0")
    graph.wait("go", signal="go", after=[first])
    job = started(graph, on_failure=on_failure)
    run_until_parked(job)
    cancel(job, actor=person(), compensate=compensate)
    state = run_until_parked(job)
    assert state.status == "cancelled"
    assert undone(word) == (["s0"] if undoes else [])
    assert (state.compensation is not None) == undoes
    check(job)


def test_a_cancel_neither_stops_nor_repeats_the_undoing_of_a_failing_job() -> None:
    word = a_word()
    world.script(f"{word} undo s1", NotLanded("busy"))
    job = compensating(chain(word, book, book))
    run_until_parked(job)
    with pytest.raises(Illegal, match="undoes its effects"):
        cancel(job, actor=person(), compensate=False)
    cancel(job, actor=person(), reason="enough")
    with pytest.raises(Illegal, match="is cancelling and undoes"):
        cancel(job, actor=person(), compensate=False)
    cancel(job, actor=person())
    state = after(job, 6)
    assert state.status == "cancelled"
    assert undone(word) == ["s1", "s1", "s0"]
    assert report(state) == {"undone": ["s0", "s1"], "not_undone": {}}
    check(job)


def test_a_job_that_fails_without_compensation_can_still_be_told_to_undo() -> None:
    word = a_word()
    world.script(f"{word} pay", OSError("reset"))
    graph = chain(word, book)
    graph.tool("pay", blind, word=word, name="pay")
    job = started(graph)
    assert run_until_parked(job).phase == "failing"
    cancel(job, actor=person(), compensate=True)
    resolve(Invocation.objects.get(job_id=job, state="unknown").id, "absent", actor=person())
    assert run_until_parked(job).status == "cancelled"
    assert undone(word) == ["s0"]


def test_children_inherit_it_and_a_completed_one_is_named_as_not_undone() -> None:
    word = a_word()
    inner = TaskGraph()
    inner.tool("s0", book, word=word, name="inner")
    graph = TaskGraph()
    child = graph.agent("child", "drawn", {"graph": inner.to_json()})
    waits = graph.agent("waits", "drawn", {"graph": _waiting(word).to_json()}, after=[child])
    graph.tool("end", stumble, word=word, after=[child])
    job = compensating(graph)
    state = run_until_parked(job)
    assert waits is not None
    assert report(state)["not_undone"] == {"child": "child_completed"}
    born = Job.objects.filter(parent_job=job)
    assert set(born.values_list("on_failure", flat=True)) == {"compensate"}
    assert set(born.values_list("status", flat=True)) == {"completed", "cancelled"}


def _waiting(word: str) -> TaskGraph:
    graph = TaskGraph()
    first = graph.tool("s0", book, word=word, name="waiting")
    graph.wait("go", signal="go", after=[first])
    return graph


def test_the_agenda_routes_the_undoing_like_the_call() -> None:
    word = a_word()
    world.script(f"{word} undo s0", NotLanded("busy"))

    @tool(name=f"saga.gpu-{word}", requires=["gpu"], retry=AT_ONCE)
    def on_gpu(word: str, name: str) -> str:
        return name

    @on_gpu.compensate
    def _(call: ToolCall, result: Any) -> None:
        world.answer(f"{word} undo s0", None)

    from jobs.incarnation import current

    object.__setattr__(current(), "capabilities", frozenset({"gpu"}))
    job = compensating(chain(word, on_gpu))
    run_until_parked(job)
    assert list(Step.objects.filter(job_id=job).values_list("node", "kind", "state", "requires")) == [
        ("_compensate/s0", "compensation", "backoff", "gpu")
    ]
    object.__setattr__(current(), "capabilities", frozenset())
    assert after(job, 6).phase == "failing"
    object.__setattr__(current(), "capabilities", frozenset({"gpu"}))
    assert run_until_parked(job).status == "failed"


def taken_over(word: str, tool: Any) -> str:
    """A job whose worker died between the promise of an undoing and its outcome."""
    world.script(f"{word} undo s0", NotLanded("busy"))
    job = compensating(chain(word, tool))
    run_until_parked(job)
    clock.shift(6)
    gone = a_worker()
    me = Incarnation(id=gone, ttl=60)
    ready = runner.prepare(me, load(job), "_compensate/s0")
    assert ready is not None
    store.commit(job, ready.wish, worker=me.id)
    Worker.objects.filter(id=gone).update(dead=True, known_dead=True)
    scheduler.release_dead(clock.database_now())
    return job


def test_an_idempotent_undoing_is_taken_over_with_the_same_key() -> None:
    word = a_word()
    job = taken_over(word, book)
    state = run_until_parked(job)
    assert (state.status, undone(word)) == ("failed", ["s0", "s0"])
    assert len({call.idempotency_key for call in order[word]}) == 1
    assert kinds(job).count("compensation_started") == 1
    check(job)


def test_one_that_must_not_happen_twice_and_cannot_be_asked_goes_to_a_person() -> None:
    word = a_word()
    job = taken_over(word, blind)
    assert run_until_parked(job).status == "parked"
    assert undone(word) == ["s0"]
    resolve(Invocation.objects.get(job_id=job, state="unknown").id, "landed", actor=person())
    assert run_until_parked(job).status == "failed"
    assert (undone(word), lines(job)["s0"]) == (["s0"], "compensated")
    check(job)


def test_one_that_can_be_asked_is_adopted() -> None:
    word = a_word()
    job = taken_over(word, wire)
    world.script(f"{word} probe", Landed({"by": "the first"}))
    assert run_until_parked(job).status == "failed"
    assert (undone(word), lines(job)["s0"]) == (["s0"], "compensated")


def test_a_cancel_stops_running_calls_but_not_what_undoes_them() -> None:
    word = a_word()
    world.script(f"{word} undo s0", NotLanded("busy"))
    job = compensating(chain(word, book))
    run_until_parked(job)
    cancel(job, actor=person())
    me, stopped = Incarnation(id="w", ttl=60), []
    for step in ("s0", "_compensate/s0"):
        me.begin(job, step, lambda step=step: stopped.append(step))  # type: ignore[misc]
    stop_what_is_cancelled(me)
    assert stopped == ["s0"]


def test_no_plan_can_name_a_step_as_a_compensation_is_named() -> None:
    graph = TaskGraph()
    with pytest.raises(PlanError, match="reserved"):
        graph.tool("_compensate", book, word="w", name="n")


def test_a_compensating_job_is_not_paused() -> None:
    word = a_word()
    world.script(f"{word} undo s0", NotLanded("busy"))
    job = compensating(chain(word, book))
    run_until_parked(job)
    with pytest.raises(Illegal, match="it starts no pause"):
        pause(job, actor=person())
    assert after(job, 6).status == "failed"
