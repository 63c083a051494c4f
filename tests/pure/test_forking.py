"""Retry and fork: wherever a record is cut, what is born of it keeps the laws and calls nothing again that landed."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from immutables import Map

from jobs.core.commands import Answer, Cancel, FinishNode, LateOutcome, LoseLease, StartNode, Tell
from jobs.core.graph import TaskGraph
from jobs.core.past import carried
from tests.pure.driving import drive
from tests.pure.forked import born, past_of
from tests.pure.laws import LAWS
from tests.pure.scenes import DONE, FINAL, RAISED, Scene, begun
from tests.pure.story import ASKER, JOB, PERSON, RETRY, WORKER, Story
from tests.pure.strategies import LONGEST, Dice, tell_story

seeded = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate], derandomize=True, max_examples=150, deadline=None
)
dice = st.builds(Dice, st.integers(0, 2**20))


def breaches(story: Story) -> list[str]:
    return [breach for law in LAWS if (breach := law(story))]


def called(story: Story) -> dict[str, str]:
    """The calls that a job itself has made and that landed, or may have, by their key."""
    return {
        sent.key: path
        for path, sent in past_of(story).calls.items()
        if sent.effect != "pure" and sent.state != "absent"
    }


@given(dice, st.integers(0, LONGEST))
@seeded
def test_a_retry_keeps_the_laws_and_calls_nothing_that_landed(throws: Dice, wishes: int) -> None:
    story = tell_story(throws.pick, wishes)
    drive(story)
    second = born(story, "retry")
    if second.told[0].refusal is not None:
        codes = ("job_completed", "not_repeatable", "effects_compensated", "not_begun")
        assert second.told[0].refusal.code in codes
        return
    assert breaches(second) == []
    drive(second)
    assert breaches(second) == []
    first = {key for key, path in called(story).items() if past_of(story).calls[path].same_key_repeats}
    assert not first & called(second).keys()


@given(dice, st.integers(0, LONGEST), st.integers(1, 400))
@seeded
def test_a_fork_keeps_the_laws_wherever_it_is_cut(throws: Dice, wishes: int, at: int) -> None:
    story = tell_story(throws.pick, wishes)
    at = 1 + at % len(story.facts)
    second = born(story, "fork", at)
    if second.told[0].refusal is not None:
        assert second.told[0].refusal.code in ("inside_promise", "promise_unresolved", "not_begun")
        return
    assert breaches(second) == []
    drive(second)
    assert breaches(second) == []
    assert not called(story).keys() & called(second).keys()


@given(dice, st.integers(0, LONGEST), st.integers(1, 400))
@seeded
def test_what_had_settled_is_the_same_in_the_fork(throws: Dice, wishes: int, at: int) -> None:
    story = tell_story(throws.pick, wishes)
    at = 1 + at % len(story.facts)
    past, second = past_of(story, at), born(story, "fork", at)
    if second.told[0].refusal is not None:
        return
    kept, then, now = carried(past.then), past.then, second.state
    for name in kept.steps:
        old, new = then.nodes[name], now.nodes[name]
        assert (new.status, new.result, new.error, new.timed_out, new.approved, new.reason, new.cause) == (
            old.status, old.result, old.error, old.timed_out, old.approved, old.reason, old.cause
        )  # fmt: skip
    for path in kept.calls:
        was, has = then.calls[path], now.calls[path]
        assert (has.kind, has.name, has.digest, has.args, has.status, has.value) == (
            was.kind, was.name, was.digest, was.args, was.status, was.value
        )  # fmt: skip
        assert has.error == was.error or has.status == "done"  # which an earlier attempt may have left there
    assert now.seen == then.seen
    assert now.data == then.data or past.facts[-1].type == "reasoning_snapshot"  # its step had not finished


def a_failed_map(*, concurrency: int) -> Scene:
    """A map of six of which every other item has failed."""
    graph = TaskGraph()
    graph.map(
        "each", "pay", over=[1, 2, 3, 4, 5, 6], each={"x": graph.item}, concurrency=concurrency, tolerate=2
    )
    scene = begun(graph)
    for index in range(5):
        scene.work(f"each/{index}", FINAL if index % 2 == 0 else DONE)
    assert scene.state.status == "failed"
    return scene


def test_a_retried_map_begins_no_more_items_at_a_time_than_it_says() -> None:
    for concurrency in (1, 2, 6):
        second = born(a_failed_map(concurrency=concurrency), "retry")
        begun_now = []
        while not second.state.ended:
            ready = sorted(second.state.agenda)
            assert 0 < len(ready) <= concurrency
            begun_now.append(ready[0])
            second.send(StartNode(ready[0], WORKER, second.promise_of(second.state.nodes[ready[0]])))
            asked = second.state.calls[ready[0]]
            second.send(Tell(ready[0], asked.fence, ready[0], asked.attempt, DONE))
        assert begun_now == ["each/0", "each/2", "each/4", "each/5"]
        assert second.state.status == "completed"


def test_a_call_that_was_reported_landed_after_the_job_had_ended_is_not_made_again() -> None:
    graph = TaskGraph()
    graph.tool("once", "pay")
    scene = begun(graph)
    scene.claim("once")
    asked = scene.state.calls["once"]
    scene.must(LoseLease("once", asked.fence, "worker_dead", known_dead=True))
    scene.must(Cancel(ASKER))
    scene.must(Answer("once", "absent", PERSON))
    assert scene.state.status == "cancelled"
    assert born(scene, "retry").told[0].refusal is None
    scene.must(LateOutcome("once", asked.attempt, asked.fence, DONE))
    refused = born(scene, "retry").told[0].refusal
    assert refused is not None
    assert refused.code == "not_repeatable"


def test_a_workflow_that_wrote_state_beside_another_sees_what_it_first_saw() -> None:
    """`one` began before `two` had written: run again, it must not see what `two` wrote meanwhile."""
    graph = TaskGraph()
    for name in ("one", "two"):
        graph.workflow(name, "triage", retry=RETRY)
    scene = begun(graph)
    for name in ("one", "two"):
        scene.claim(name)
    scene.ask("one/0", "tool", "read")
    scene.tell("one/0")
    scene.must(FinishNode("two", scene.state.nodes["two"].fence, 1, {"set": {"seen": "by two"}}))
    second = born(scene, "fork", len(scene.facts))
    assert second.state.data["seen"] == "by two"
    assert second.state.nodes["one"].seen == Map()
    assert second.state.nodes["one"].status == "ready"


def test_the_birth_of_a_fork_says_what_it_repeats() -> None:
    graph = TaskGraph()
    graph.tool("first", "pay")
    graph.tool("then", "pay", after=["first"])
    scene = begun(graph)
    scene.work("first")
    second = born(scene, "fork", len(scene.facts))
    by_seq = {fact.seq: fact for fact in scene.facts}
    copied = [fact for fact in second.facts if "copied" in fact.body]
    assert [fact.type for fact in copied[-5:]] == [
        "command_emitted", "tool_invocation_finished", "command_committed", "reasoning_snapshot", "node_finished",
    ]  # fmt: skip
    for fact in copied:
        there = by_seq[fact.body["copied"]]
        assert (fact.type, fact.node) == (there.type, there.node)
    recall = next(fact.body for fact in copied if fact.type == "tool_invocation_finished")
    assert recall["status"] == "recalled"
    assert recall["recalled_from"]["job"] == JOB
    assert recall["recalled_from"]["invocation"] == scene.state.calls["first"].info["invocation"]


def test_an_item_that_landed_after_its_map_had_failed_is_recalled_all_the_same() -> None:
    graph = TaskGraph()
    each = graph.map("each", "pay", over=[1, 2], each={"x": graph.item}, on_error="skip")
    graph.tool("last", "pay", when=each.failed)
    scene = begun(graph)
    scene.work("each/0", RAISED)  # nobody knows
    scene.work("each/1", FINAL)
    scene.must(Answer("each/0", "landed", PERSON, result={"n": 1}))
    scene.work("last", FINAL)
    assert (scene.state.status, scene.status("each")) == ("failed", "failed")
    second = born(scene, "retry")
    assert (second.state.nodes["each"].status, second.state.nodes["each/0"].status) == ("failed", "done")
    assert second.state.calls["each/0"].value == {"n": 1}
    assert sorted(second.state.agenda) == ["last"]
