"""Settling: how steps end and what that does to those after them, sentence by sentence (contract: Nodes)."""

from __future__ import annotations

from typing import Any

import pytest

from jobs.core.commands import Due, Pause, Resume, StartNode
from jobs.core.graph import TaskGraph
from jobs.core.parked import parked_on
from tests.pure.scenes import DONE, FINAL, Scene, begun
from tests.pure.story import ASKER, WORKER


def refund() -> TaskGraph:
    """The refund story of the contract."""
    g = TaskGraph()
    order = g.tool("order", "read")
    ask = g.approval("ask", "Refund?", {"order": order}, groups=["finance"], when=order["n"] > 10)
    pay = g.tool("pay", "pay", cents=order["n"], after=[ask])
    g.tool("sorry", "ask", after=[order], when=ask.rejected)
    g.output(pay)
    return g


def ordered(cents: int) -> Scene:
    scene = begun(refund())
    scene.work("order", type(DONE)("landed", {"n": cents}))
    return scene


def test_a_small_order_is_not_asked_about_and_is_paid() -> None:
    scene = ordered(5)
    assert scene.statuses() == {"order": "done", "ask": "skipped", "pay": "ready", "sorry": "skipped"}
    scene.work("pay")
    assert (scene.state.status, scene.state.outcome, scene.state.output) == (
        "completed",
        "completed",
        DONE.value,
    )


def test_a_large_order_is_paid_once_it_is_approved() -> None:
    scene = ordered(50)
    assert scene.state.status == "parked"
    assert scene.status("pay") == "waiting"
    scene.must(scene.vote("ask"))
    assert scene.statuses() == {"order": "done", "ask": "done", "pay": "ready", "sorry": "skipped"}


def test_a_rejected_order_is_not_paid_and_the_reject_branch_runs() -> None:
    scene = ordered(50)
    scene.must(scene.vote("ask", "reject"))
    assert scene.statuses() == {"order": "done", "ask": "rejected", "pay": "skipped", "sorry": "ready"}
    assert scene.state.nodes["pay"].reason == "upstream"
    scene.work("sorry")
    assert (scene.state.status, scene.state.outcome, scene.state.output) == ("completed", "rejected", None)


def test_a_step_whose_own_condition_asks_for_the_approval_is_skipped_by_a_rejection_that_the_outcome_names() -> (
    None
):
    g = TaskGraph()
    ask = g.approval("ask", "Sure?", groups=["finance"])
    pay = g.tool("pay", "pay", when=ask.approved)
    g.output(pay)
    scene = begun(g)
    scene.must(scene.vote("ask", "reject"))
    assert scene.state.nodes["pay"].reason == "when"
    assert (scene.state.output, scene.state.outcome) == (None, "rejected")


def chain(on_error: str, **more: Any) -> Scene:
    g = TaskGraph()
    first = g.tool("first", "pay", on_error=on_error)
    g.tool("second", "pay", after=[first])
    g.tool("third", "pay", x=g.node("second"))
    g.tool("rescue", "pay", after=[first], when=first.failed)
    g.tool("reading", "pay", x=first["n"].or_(0), **more)
    scene = begun(g)
    scene.work("first", FINAL)
    return scene


def test_a_failure_fails_the_job_by_default() -> None:
    scene = chain("fail")
    assert scene.state.status == "failed"
    assert scene.state.failure is not None
    assert scene.state.failure["node"] == "first"


def test_on_error_skip_skips_what_depends_on_it_all_the_way_down_and_the_job_goes_on() -> None:
    scene = chain("skip")
    assert scene.statuses() == {
        "first": "failed", "second": "skipped", "third": "skipped", "rescue": "ready", "reading": "ready",
    }  # fmt: skip
    assert {scene.state.nodes[name].reason for name in ("second", "third")} == {"upstream"}
    scene.work("rescue")
    scene.work("reading")
    assert scene.state.status == "completed"


def test_on_error_continue_reads_as_null_and_the_error_can_be_read() -> None:
    g = TaskGraph()
    first = g.tool("first", "pay", on_error="continue")
    g.tool("second", "pay", after=[first], x=first)
    g.tool("seen", "pay", when=first.error["message"] == FINAL.error["message"])  # type: ignore[index]
    scene = begun(g)
    scene.work("first", FINAL)
    assert scene.statuses() == {"first": "failed", "second": "ready", "seen": "ready"}


def test_a_reference_to_data_of_a_step_without_a_result_skips_unless_it_has_a_default() -> None:
    g = TaskGraph()
    off = g.tool("off", "pay", when=False)
    g.tool("needs", "pay", x=off["n"])
    g.tool("content", "pay", x=off["n"].or_(3))
    g.tool("after", "pay", after=[off])
    scene = begun(g)
    assert scene.statuses() == {"off": "skipped", "needs": "skipped", "content": "ready", "after": "ready"}


def test_a_condition_that_names_the_failure_does_not_excuse_a_missing_argument() -> None:
    g = TaskGraph()
    first = g.tool("first", "pay", on_error="skip")
    g.tool("second", "pay", x=first["n"], when=first.failed)
    scene = begun(g)
    scene.work("first", FINAL)
    assert scene.status("second") == "skipped"
    assert scene.state.nodes["second"].reason == "upstream"


def test_a_condition_that_cannot_be_computed_fails_the_step() -> None:
    g = TaskGraph()
    first = g.tool("first", "read")
    g.tool("second", "pay", when=first["absent"] > 1)
    scene = begun(g)
    scene.work("first")
    assert scene.state.nodes["second"].error is not None
    assert scene.state.status == "failed"


@pytest.mark.parametrize(("cond", "runs", "stays"), [(True, "yes", "no"), (False, "no", "yes")])
def test_a_branch_runs_one_side_and_skips_the_other(cond: bool, runs: str, stays: str) -> None:
    g = TaskGraph()
    yes, no = g.tool("yes", "pay"), g.tool("no", "pay")
    g.branch("fork", cond, then=[yes], otherwise=[no])
    g.tool("join", "pay", after=[yes, no])
    scene = begun(g)
    assert (scene.status(runs), scene.status(stays)) == ("ready", "skipped")
    assert scene.state.nodes[stays].reason == "when"
    scene.work(runs)
    assert scene.status("join") == "ready"


def test_a_wait_that_continues_at_its_deadline_lets_what_follows_run() -> None:
    g = TaskGraph()
    wait = g.wait("wait", "go", deadline="1m", on_timeout="continue")
    g.tool("next", "pay", after=[wait])
    g.tool("late", "pay", when=wait.timed_out)
    scene = begun(g)
    scene.pass_time(60)
    scene.must(Due("wait"))
    assert scene.statuses() == {"wait": "done", "next": "ready", "late": "ready"}


def test_a_wait_that_fails_at_its_deadline_skips_what_follows() -> None:
    g = TaskGraph()
    wait = g.wait("wait", "go", deadline="1m", on_error="skip")
    g.tool("next", "pay", after=[wait])
    g.tool("late", "pay", when=wait.timed_out)
    scene = begun(g)
    scene.pass_time(60)
    scene.must(Due("wait"))
    assert scene.statuses() == {"wait": "failed", "next": "skipped", "late": "ready"}


def mapped(items: int, tolerate: int, concurrency: int | None = None) -> Scene:
    g = TaskGraph()
    each = g.map("each", "pay", over=list(range(items)), each={"x": g.item}, tolerate=tolerate,
                 concurrency=concurrency, on_error="skip")  # fmt: skip
    g.output(each)
    return begun(g)


def test_a_map_gives_its_results_in_the_order_of_its_input() -> None:
    scene = mapped(3, 0)
    for index in (2, 0, 1):
        scene.work(f"each/{index}", type(DONE)("landed", index * 10))
    assert scene.state.output == [0, 10, 20]


def test_a_map_tolerates_so_many_failures_as_null_with_their_errors() -> None:
    scene = mapped(3, 1)
    for index in range(3):
        scene.work(f"each/{index}", FINAL if index == 1 else DONE)
    assert scene.state.output == [DONE.value, None, DONE.value]
    error = scene.state.nodes["each"].error
    assert error is not None
    assert list(error["errors"]) == ["1"]


def test_a_map_with_too_many_failures_fails_and_leaves_the_rest() -> None:
    scene = mapped(4, 0, concurrency=2)
    scene.work("each/0", FINAL)
    assert scene.status("each") == "failed"
    assert [scene.status(f"each/{index}") for index in (1, 2, 3)] == ["skipped"] * 3
    assert scene.state.status == "completed"


def test_a_map_over_nothing_is_done_at_once() -> None:
    assert mapped(0, 0).state.output == []


def test_a_map_has_no_more_items_in_hand_than_its_concurrency() -> None:
    scene = mapped(4, 0, concurrency=2)
    assert [scene.status(f"each/{index}") for index in range(4)] == ["ready", "ready", "waiting", "waiting"]
    scene.work("each/1")
    assert scene.status("each/2") == "ready"


def test_an_approval_opens_only_when_the_other_inputs_of_its_dependants_are_known() -> None:
    g = TaskGraph()
    order = g.tool("order", "read")
    ask = g.approval("ask", "Sure?", groups=["finance"])
    g.tool("pay", "pay", x=order["n"], note=ask["comment"], after=[ask])
    scene = begun(g)
    assert scene.status("ask") == "waiting"
    scene.work("order")
    assert parked_on(scene.state)[0]["node"] == "ask"
    releases = scene.state.calls["ask"].info["releases"]
    assert releases == [
        {"node": "pay", "tool": "pay", "args": {"x": 5, "note": {"reference": {"$ref": ["ask", "comment"]}}}}
    ]


def test_an_argument_that_hangs_on_the_approval_itself_does_not_keep_the_step_from_running() -> None:
    g = TaskGraph()
    ask = g.approval("ask", "Sure?", groups=["finance"])
    g.tool("pay", "pay", note=ask["comment"], maybe=ask["form"].or_(1), after=[ask])
    scene = begun(g)
    scene.must(scene.vote("ask"))
    scene.work("pay")
    assert scene.state.status == "completed"


def test_two_approvals_before_one_step_are_open_at_once() -> None:
    g = TaskGraph()
    asks = [g.approval(name, "Sure?", groups=["finance"]) for name in ("one", "two")]
    g.tool("pay", "pay", after=asks)
    scene = begun(g)
    assert [wait["node"] for wait in parked_on(scene.state)] == ["one", "two"]


def test_nothing_new_starts_while_the_job_is_paused() -> None:
    scene = begun(refund())
    scene.must(Pause(ASKER))
    assert scene.refused(StartNode("order", WORKER, scene.promise("read", "order"))) == "job_paused"
    scene.must(Resume(ASKER))
    scene.work("order")
