"""Compensation: a job that ends undoes what has landed, the last first, each in a call of its own (design: E8)."""

from __future__ import annotations

import pytest

from jobs import TaskGraph, resolve
from jobs.models import Job
from jobs.testing import run_until_parked
from ledger import Absent, Landed, NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.engine.driving import a_word, after, kinds, started
from tests.engine.sagas import (
    blind,
    book,
    chain,
    compensating,
    lines,
    opaque,
    order,
    post,
    report,
    undone,
    wire,
)
from tests.factories import person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


def test_what_landed_is_undone_in_reverse_order_before_the_job_fails() -> None:
    word = a_word()
    job = compensating(chain(word, book, wire, book))
    state = run_until_parked(job)
    assert state.status == "failed"
    assert undone(word) == ["s2", "s1", "s0"]
    assert report(state) == {"undone": ["s0", "s1", "s2"], "not_undone": {}}
    assert lines(job) == {
        **dict.fromkeys(["s0", "s1", "s2"], "compensated"),
        **dict.fromkeys(["_compensate/s0", "_compensate/s1", "_compensate/s2"], "landed"),
    }
    assert kinds(job)[-8:] == [
        "node_started", "compensation_started", "tool_invocation_started", "tool_invocation_finished",
        "command_committed", "compensation_finished", "node_finished", "job_failed",
    ]  # fmt: skip
    check(job)


def test_a_compensation_is_told_the_call_it_undoes_and_has_a_key_of_its_own() -> None:
    word = a_word()
    job = compensating(chain(word, book))
    run_until_parked(job)
    (call,) = order[word]
    first = Invocation.objects.get(job_id=job, node="s0")
    own = Invocation.objects.get(job_id=job, node="_compensate/s0")
    assert call.compensates is not None
    assert call.compensates.idempotency_key == first.idempotency_key
    assert call.compensates.business_key == first.business_key == f"{word}:s0"
    assert call.compensates.invocation_id == str(first.id) == str(own.compensates)
    assert call.idempotency_key == own.idempotency_key != first.idempotency_key
    assert (own.effect, own.business_key, own.holds, first.holds) == ("idempotent", None, False, True)
    assert world.times(f"{word} {('s0', {'name': 's0'}, '_compensate/s0', 1, 's0')}") == 1


def test_without_compensate_nothing_is_undone() -> None:
    word = a_word()
    job = started(chain(word, book))
    state = run_until_parked(job)
    assert (state.status, undone(word), state.compensation) == ("failed", [], None)
    assert lines(job) == {"s0": "landed"}


def test_what_has_no_compensation_is_named_and_left() -> None:
    word = a_word()
    state = run_until_parked(compensating(chain(word, book, post)))
    assert report(state) == {"undone": ["s0"], "not_undone": {"s1": "no_compensation"}}


def test_a_landed_effect_whose_result_could_not_be_kept_is_undone_with_none() -> None:
    word = a_word()
    graph = TaskGraph()
    graph.tool("s0", opaque, word=word, name="s0")
    job = compensating(graph)
    state = run_until_parked(job)
    assert state.status == "failed"
    assert undone(word) == ["s0"]
    assert lines(job) == {"s0": "compensated", "_compensate/s0": "landed"}
    check(job)


def test_a_recalled_effect_is_left_to_the_job_that_made_it() -> None:
    word = a_word()
    graph = TaskGraph()
    graph.tool("s0", book, word=word, name="s0")
    assert run_until_parked(started(graph)).status == "completed"
    job = compensating(chain(word, book))
    state = run_until_parked(job)
    assert lines(job) == {"s0": "recalled"}
    assert (undone(word), report(state)) == ([], {"undone": [], "not_undone": {"s0": "recalled"}})


def test_the_business_key_of_what_was_undone_is_refused_ever_after() -> None:
    word = a_word()
    run_until_parked(compensating(chain(word, book)))
    state = run_until_parked(started(chain(word, book)))
    assert state.failure is not None
    assert state.failure["error"]["code"] == "compensated"
    assert world.times(f"{word} s0") == 1


def test_a_compensation_that_did_not_land_is_tried_again_and_keeps_its_key() -> None:
    word = a_word()
    world.script(f"{word} undo s1", NotLanded("busy"))
    world.script(f"{word} undo s0", ValueError("lost"))
    job = compensating(chain(word, book, book))
    state = run_until_parked(job)
    assert (state.phase, undone(word)) == ("failing", ["s1"])
    assert after(job, 4).phase == "failing"
    assert after(job, 2).phase == "failing"
    assert after(job, 6).status == "failed"
    assert undone(word) == ["s1", "s1", "s0", "s0"]
    keys = {call.node: call.idempotency_key for call in order[word]}
    assert [call.idempotency_key for call in order[word]] == [keys[call.node] for call in order[word]]
    assert [call.attempt for call in order[word]] == [1, 2, 1, 2]


def test_one_that_is_given_up_is_named_and_the_others_still_run() -> None:
    word = a_word()
    world.script(f"{word} undo s1", *[NotLanded("no")] * 2)
    job = compensating(chain(word, book, book))
    run_until_parked(job)
    state = after(job, 6)
    assert state.status == "failed"
    assert report(state) == {"undone": ["s0"], "not_undone": {"s1": "failed"}}
    assert lines(job)["s1"] == "landed"
    assert kinds(job).count("compensation_failed") == 1
    row = Job.objects.get(id=job)
    assert '"reason":"failed"' in (row.compensation or "")
    check(job)


@pytest.mark.parametrize("verdict", ["landed", "absent", "fail"])
def test_a_compensation_nobody_knows_the_end_of_waits_for_a_person(verdict: str) -> None:
    word = a_word()
    world.script(f"{word} undo s1", OSError("reset"))
    job = compensating(chain(word, book, blind))
    state = run_until_parked(job)
    assert (state.status, state.phase) == ("parked", "failing")
    assert undone(word) == ["s1"]
    line = Invocation.objects.get(job_id=job, state="unknown")
    assert line.node == "_compensate/s1"
    resolve(line.id, verdict, actor=person(), comment="looked it up")
    state = run_until_parked(job)
    assert state.status == "failed"
    assert undone(word) == {"absent": ["s1", "s1", "s0"]}.get(verdict, ["s1", "s0"])
    left = {"s1": "failed"} if verdict == "fail" else {}
    assert report(state) == {"undone": ["s0"] if left else ["s0", "s1"], "not_undone": left}
    check(job)


def test_a_compensation_that_can_be_asked_is_asked() -> None:
    word = a_word()
    world.script(f"{word} undo s0", OSError("reset"))
    world.script(f"{word} probe", Landed("called back"))
    job = compensating(chain(word, wire))
    state = run_until_parked(job)
    assert (state.status, undone(word)) == ("failed", ["s0"])
    assert report(state) == {"undone": ["s0"], "not_undone": {}}
    check(job)


def test_one_that_the_probe_does_not_find_is_made_again() -> None:
    word = a_word()
    world.script(f"{word} undo s0", OSError("reset"))
    world.script(f"{word} probe", Absent())
    state = run_until_parked(compensating(chain(word, wire)))
    assert (state.status, undone(word)) == ("failed", ["s0", "s0"])


def test_an_effect_given_up_as_unknown_is_not_undone() -> None:
    word = a_word()
    world.script(f"{word} s1", OSError("reset"))
    job = compensating(chain(word, book, blind))
    run_until_parked(job)
    resolve(Invocation.objects.get(job_id=job, state="unknown").id, "fail", actor=person())
    state = run_until_parked(job)
    assert undone(word) == ["s0"]
    assert report(state) == {"undone": ["s0"], "not_undone": {"s1": "outcome_unknown"}}


def test_an_unknown_effect_is_resolved_before_anything_is_undone() -> None:
    word = a_word()
    world.script(f"{word} pay", OSError("reset"))
    graph = chain(word, book)
    graph.tool("pay", blind, word=word, name="pay")
    job = compensating(graph)
    state = run_until_parked(job)
    assert (state.status, state.phase, undone(word)) == ("parked", "failing", [])
    line = Invocation.objects.get(job_id=job, state="unknown")
    resolve(line.id, "landed", actor=person(), result={"by": "hand"})
    assert run_until_parked(job).status == "failed"
    assert undone(word) == ["pay", "s0"]
