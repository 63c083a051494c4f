"""Poison: a crash charges what ran, suspects run alone, and only what kills its workers alone is given up (L6)."""

from __future__ import annotations

import pytest

from jobs.core.commands import Answer, FailNode, LoseLease, StartNode
from jobs.core.graph import TaskGraph
from jobs.core.parked import parked_on
from jobs.core.state import SUSPECT, Node
from jobs.core.telling import POISON
from tests.pure.scenes import NO, Scene, begun, gathering, unplanned
from tests.pure.story import PERSON, WORKER


def one(tool: str, **options: object) -> Scene:
    g = TaskGraph()
    g.output(g.tool("call", tool, **options))
    return begun(g)


def dies_of_it(scene: Scene, step: str = "call", reason: str = "worker_dead") -> None:
    """A worker claims the step, alone if it must, and dies."""
    fence = scene.state.nodes[step].fence if scene.status(step) == "running" else scene.claim(step)
    scene.must(LoseLease(step, fence, reason, known_dead=True))


def suspected(scene: Scene, step: str = "call") -> Node:
    """The step, once it has been charged so often that it runs alone."""
    for _ in range(SUSPECT):
        dies_of_it(scene, step)
    return scene.state.nodes[step]


def why(scene: Scene) -> str:
    assert scene.state.failure is not None
    return str(scene.state.failure["error"]["code"])


def claims(scene: Scene, step: str = "call") -> list[bool]:
    """Of each claim of the step whether it was alone."""
    started = [fact for fact in scene.facts if fact.type == "node_started" and fact.node == step]
    return [bool(fact.body.get("alone")) for fact in started]


def test_from_the_second_charge_a_step_is_claimed_only_by_a_worker_that_runs_nothing_else() -> None:
    scene = one("read")
    node = suspected(scene)
    assert scene.refused(StartNode("call", WORKER, scene.promise_of(node))) == "suspect"
    scene.claim("call")
    assert claims(scene) == [False, False, True]


def test_a_step_that_worker_after_worker_dies_of_alone_is_given_up() -> None:
    scene = one("read")
    suspected(scene)
    for _ in range(POISON - 1):
        dies_of_it(scene)
    assert scene.status("call") == "ready"
    dies_of_it(scene)
    assert (scene.state.status, why(scene)) == ("failed", "poison")
    ends = [fact.body["status"] for fact in scene.facts if fact.type == "tool_invocation_finished"]
    assert ends == ["abandoned"], "its call is settled in the books"


def test_the_planning_can_be_poison_too() -> None:
    scene = unplanned()
    suspected(scene, "_plan")
    for _ in range(POISON):
        dies_of_it(scene, "_plan")
    assert (scene.state.status, why(scene)) == ("failed", "poison")


def test_poison_is_an_error_like_any_other_to_the_graph() -> None:
    scene = one("read", on_error="continue")
    suspected(scene)
    for _ in range(POISON):
        dies_of_it(scene)
    assert (scene.state.status, scene.status("call")) == ("completed", "failed")


def test_a_crash_beside_others_charges_and_does_not_count_towards_poison() -> None:
    node = suspected(one("read"))
    assert (node.crashes, node.deaths) == (SUSPECT, 0)


@pytest.mark.parametrize("reason", ["handed_back", "timeout", "not_driven", "drained"])
def test_what_was_handed_back_or_timed_out_is_no_crash(reason: str) -> None:
    scene = one("read")
    for _ in range(SUSPECT + POISON):
        dies_of_it(scene, reason=reason)
    node = scene.state.nodes["call"]
    assert (node.status, node.crashes, node.deaths) == ("ready", 0, 0)


def test_what_was_handed_back_alone_stays_a_suspect() -> None:
    scene = one("read")
    suspected(scene)
    dies_of_it(scene, reason="handed_back")
    assert scene.state.nodes["call"].suspect


def test_a_step_that_ran_alone_and_killed_nothing_is_no_suspect_any_more() -> None:
    scene = gathering()
    suspected(scene, "w")
    dies_of_it(scene, "w")
    scene.must(FailNode("w", scene.claim("w"), NO, retryable=True))
    node = scene.state.nodes["w"]
    assert (node.status, node.suspect, node.deaths) == ("backoff", False, 0)


def test_a_workflow_that_parks_after_it_ran_alone_is_no_suspect_any_more() -> None:
    scene = gathering()
    suspected(scene, "w")
    scene.claim("w")
    scene.ask("w/0", "signal", "go", deadline=None)
    scene.release("w", "w/0")
    assert not scene.state.nodes["w"].suspect


def test_a_workflow_that_gets_on_with_every_claim_is_no_poison_however_often_its_workers_die() -> None:
    scene = gathering()
    suspected(scene, "w")
    for number in range(3 * POISON):
        scene.claim("w")
        scene.ask(f"w/{number}", "tool", "read")
        scene.tell(f"w/{number}")
        dies_of_it(scene, "w")
    assert scene.status("w") == "ready"
    for _ in range(POISON - 1):
        dies_of_it(scene, "w")
    assert why(scene) == "poison"


def test_a_poisonous_step_still_owes_what_became_of_its_effect() -> None:
    scene = one("pay")
    for _ in range(SUSPECT + POISON):
        assert scene.status("call") == "ready"
        dies_of_it(scene)
        assert parked_on(scene.state)[0]["kind"] == "unknown_outcome"
        scene.must(Answer("call", "absent", PERSON))
    assert (scene.state.status, why(scene)) == ("failed", "poison")


def test_the_effect_of_a_poisonous_step_that_landed_is_kept() -> None:
    scene = one("pay")
    for _ in range(SUSPECT + POISON - 1):
        dies_of_it(scene)
        scene.must(Answer("call", "absent", PERSON))
    dies_of_it(scene)
    scene.must(Answer("call", "landed", PERSON, result={"n": 1}))
    assert scene.state.status == "completed"


def test_the_probe_of_a_poisonous_step_is_its_last_word() -> None:
    scene = one("wire")
    for _ in range(SUSPECT + POISON):
        dies_of_it(scene)
        node = scene.state.nodes["call"]
        scene.must(StartNode("call", WORKER, alone=node.suspect))
        scene.must(Answer("call", "absent", PERSON, fence=scene.state.nodes["call"].fence))
        if scene.status("call") == "running":
            scene.must(LoseLease("call", scene.state.nodes["call"].fence, "handed_back", known_dead=True))
    assert (scene.state.status, why(scene)) == ("failed", "poison")
