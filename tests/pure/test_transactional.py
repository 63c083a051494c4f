"""A transactional call: what does not land with its outcome did not happen, so nothing of it is ever in doubt."""

from __future__ import annotations

import pytest

from jobs.core.commands import Cancel, LoseLease, Outcome
from jobs.core.graph import TaskGraph
from tests.pure.scenes import DONE, NO, RAISED, Scene, begun, gathering, telling
from tests.pure.story import ASKER


def booking(*more: str) -> Scene:
    """A claimed transactional step, and other steps beside it."""
    graph = TaskGraph()
    graph.tool("call", "book")
    for name in more:
        graph.tool(name, "pay")
    scene = begun(graph)
    scene.claim("call")
    return scene


def last(scene: Scene, kind: str) -> dict[str, object]:
    return dict(next(fact.body for fact in reversed(scene.facts) if fact.type == kind))


@pytest.mark.parametrize("kind", ["raised", "timeout", "not_landed"])
def test_whatever_it_ends_in_it_did_not_land_and_is_tried_again(kind: str) -> None:
    scene = booking()
    scene.tell("call", Outcome(kind, error=NO))
    assert last(scene, "tool_invocation_finished")["status"] == "not_landed"
    assert scene.status("call") == "backoff"
    scene.wait_until(scene.state.nodes["call"].wake_at)
    scene.work("call")
    assert scene.state.status == "completed"
    assert last(scene, "node_finished")["step_outcome"] == "side_effect_committed"


@pytest.mark.parametrize("dead", [True, False])
def test_a_lost_lease_leaves_nothing_in_doubt(dead: bool) -> None:
    scene = booking()
    fence = scene.state.nodes["call"].fence
    scene.must(LoseLease("call", fence, "worker_dead", known_dead=dead))
    assert scene.status("call") == "ready"
    assert scene.state.calls["call"].status == "lost"
    assert scene.refused(telling(scene, "call", 1, fence, DONE)) == "fenced"
    scene.work("call")
    assert scene.state.status == "completed"


def test_an_open_call_does_not_keep_a_cancelled_job_from_its_end() -> None:
    scene = booking()
    fence = scene.state.nodes["call"].fence
    scene.must(Cancel(ASKER))
    assert scene.state.status == "cancelled"
    assert last(scene, "tool_invocation_finished")["status"] == "abandoned"
    assert scene.refused(telling(scene, "call", 1, fence, DONE)) == "fenced"


def test_it_does_not_land_in_a_job_that_is_ending() -> None:
    scene = booking("pay")
    scene.work("pay", RAISED)
    scene.must(Cancel(ASKER))
    fence = scene.state.nodes["call"].fence
    assert scene.refused(telling(scene, "call", 1, fence, DONE)) == "job_ending"
    scene.tell("call", Outcome("not_landed", error=NO, permanent=True))
    assert scene.status("call") == "failed"
    assert scene.state.phase == "cancelling"


def test_a_workflow_that_leaves_it_open_abandons_it() -> None:
    scene = gathering()
    scene.ask("w/0", "tool", "book")
    fence = scene.state.nodes["w"].fence
    scene.must(LoseLease("w", fence, "handed_back", known_dead=False))
    assert scene.state.calls["w/0"].status == "lost"
    assert scene.status("w") == "ready"
