"""Erasing: whichever bodies go, what stays legible folds, and says the same of statuses, ids and outcomes."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.core.blank_plan import blank_plan
from jobs.core.chain import canonical
from jobs.core.commands import EraseBodies, Erasure
from jobs.core.erasing import AT_ONCE, erasable, keyed_paths, legible, told
from jobs.core.events import KINDS, Fact
from jobs.core.evolve import fold
from jobs.core.graph import TaskGraph
from jobs.core.plan import Plan
from jobs.core.state import JobState
from tests.pure.driving import drive
from tests.pure.scenes import begun
from tests.pure.story import ASKER, JOB, Story
from tests.pure.strategies import Dice, tell_story

SECRET = "canary-7f3a"


def _ended(seed: int) -> Story:
    story = tell_story(Dice(seed).pick)
    drive(story)
    return story


@pytest.fixture(scope="module")
def library() -> list[Story]:
    return [_ended(seed) for seed in range(1, 121)]


def without(facts: Collection[Fact], seqs: Collection[int]) -> list[Fact]:
    """The same history, with only what stays legible of some events."""
    keyed = keyed_paths(facts)
    return [
        replace(fact, body={**legible(fact, keyed), "erased": True}) if fact.seq in seqs else fact
        for fact in facts
    ]


def _shape(state: JobState) -> Any:
    """What must stay readable of a job."""
    nodes = {
        name: (
            node.kind,
            node.status if node.status != "ready" else "waiting",
            node.fence,
            node.attempt,
            node.cause,
        )
        for name, node in state.nodes.items()
    }
    calls = {
        path: (
            asked.kind,
            asked.name,
            asked.status,
            asked.attempt,
            asked.info.get("invocation"),
            asked.landed,
        )
        for path, asked in state.calls.items()
    }
    votes = {
        path: [(vote["effect"], vote["decision"], vote["actor"]) for vote in cast]
        for path, cast in state.votes.items()
    }
    row = (
        state.status,
        state.outcome,
        state.phase,
        state.seq,
        state.at,
        state.finished_at,
        state.tags,
    )
    turn = (state.message.instance, state.message.turn, state.message.after) if state.message else None
    undone = [each["node"] for each in (state.compensation or {}).get("undone", ())]
    return row, turn, nodes, calls, votes, undone, state.origin, state.parent, state.agenda, state.forks


def test_whatever_is_erased_of_a_job_its_shape_stays(library: list[Story]) -> None:
    for number, story in enumerate(library):
        dice = Dice(number)
        before = _shape(story.state)
        for seqs in (
            [fact.seq for fact in story.facts],
            [fact.seq for fact in story.facts if dice.pick([True, False])],
            [dice.pick(story.facts).seq],
        ):
            after = fold(without(story.facts, seqs), JobState(job=JOB))
            assert _shape(after) == before, (number, seqs)
            assert after.erased == set(seqs)


def test_what_stays_legible_has_the_members_that_its_kind_must_have(library: list[Story]) -> None:
    for story in library:
        for fact in without(story.facts, range(10_000)):
            body = set(fact.body) - {"erased"}
            assert KINDS[fact.type].required <= body <= KINDS[fact.type].allowed
            json.loads(canonical(fact.body))


def test_what_stays_legible_is_legible_already(library: list[Story]) -> None:
    """To erase what is erased takes nothing more away."""
    for story in library:
        for fact in without(story.facts, range(10_000)):
            plain = replace(fact, body={name: value for name, value in fact.body.items() if name != "erased"})
            assert legible(plain) == plain.body or fact.type == "command_emitted"


class Anything(dict[str, Any]):
    """A body that has every member, each with the secret in it."""


VALUES = st.recursive(
    st.sampled_from([SECRET, f"x {SECRET} y"]),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2)
        | st.dictionaries(st.sampled_from(["a", SECRET]), inner, min_size=1, max_size=2)
    ),
    max_leaves=4,
)


@given(VALUES)
@settings(max_examples=60, deadline=None)
def test_no_value_of_a_goal_a_plan_a_call_or_an_answer_stays(value: Any) -> None:
    graph = TaskGraph()
    first = graph.tool("first", "pay", x=value)
    graph.llm("model", "m", [{"role": "user", "content": value}, first], params_of=value)
    graph.approval(
        "ask", question=SECRET, show={"v": value, "first": first["x"]}, groups=["g"], when=first == value
    )
    graph.map("each", "pay", over=[value, first], each={"y": graph.item.or_(value), "z": value})
    graph.agent("child", "helper", {"deep": [value, {"ref": first.or_(value)}]})
    graph.branch("way", first["n"].in_([value, 1]), then=["last"])
    graph.tool("last", "pay", x={"$odd": value})
    graph.output({"v": value, "f": first})
    plan = Plan.load(graph.to_json()).to_json()
    blank = blank_plan(plan)
    assert SECRET not in canonical(blank)
    whole, empty = Plan.load(plan), Plan.load(blank)
    assert [(node.id, node.kind, node.upstream, node.gates) for node in whole.nodes.values()] == [
        (node.id, node.kind, node.upstream, node.gates) for node in empty.nodes.values()
    ]
    assert whole.dependents == empty.dependents


def _contents(value: Any) -> dict[str, Any]:
    """Members of any event, with the secret wherever somebody's words may stand."""
    return {
        "goal": value, "state": {"k": value}, "result": value, "error": {"code": "x", "message": value, "errors": {"0": {"code": "y", "message": value}}},
        "payload": value, "id": SECRET, "question": value, "shown": value, "releases": [{"node": "n", "args": value}],
        "comment": SECRET, "form": value, "output": value, "reason": SECRET, "evidence": {"seen": value, "known_dead": True},
        "delta": {"set": {SECRET: value}}, "llm_request": value, "llm_response": value, "inputs": value,
        "citations": [{"doc": value}], "unstorable": {"type": "t", "size": 1, "digest": SECRET, "reason": SECRET},
        "business_key": SECRET, "recalled_from": {"business_key": SECRET, "invocation": "i"}, "digest": SECRET,
        "goal_digest": SECRET, "state_before": SECRET, "state_after": SECRET, "plan_hash": SECRET, "errors": {"1": {"code": "z", "message": value}},
        "compensation": {"undone": [], "not_undone": [{"node": "n", "error": {"code": "c", "message": value}}]},
        "instance": {"id": "i", "message": SECRET}, "value": value,
    }  # fmt: skip


# Where these stand, they are no content: names, times, and why the engine itself did something.
STRUCTURE = {
    ("node_started", "reason"), ("node_skipped", "reason"), ("lease_lost", "reason"), ("outcome_unknown", "reason"),
    ("effect_recorded", "value"), ("payload_erased", "reason"), ("plan_generated", "plan"),
    ("tool_invocation_started", "compensation"), ("child_finished", "id"),
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"payload_erased"}))
def test_every_member_that_may_hold_content_is_emptied(kind: str) -> None:
    """Also members that are added to a kind one day: whatever has the name of a content is looked at."""
    full = {name: value for name, value in _contents([SECRET]).items() if name in KINDS[kind].allowed}
    body = {name: value for name, value in full.items() if (kind, name) not in STRUCTURE}
    more: dict[str, Any] = {"kind": "signal", "command": "tool", "args": {"x": SECRET}}
    if kind == "plan_generated":
        more["plan"] = {"format": 1, "nodes": [], "output": SECRET}
    body |= {name: value for name, value in more.items() if name in KINDS[kind].allowed and name not in body}
    assert SECRET not in canonical(legible(Fact(kind, "n", body, 1, "")))


@pytest.mark.parametrize("command", ["approval", "child", "signal", "message", "timer", "send"])
def test_of_a_wait_only_its_terms_stay(command: str) -> None:
    args = {"due": "d", "groups": ["g"], "question": SECRET, "goal": SECRET, "shown": SECRET, "job": "j"}
    body = {"command": command, "name": "n", "args": args, "digest": SECRET, "fence": 1}
    kept = legible(Fact("command_emitted", "n", body, 1, ""))
    assert kept["args"] == {"due": "d", "groups": ["g"], "job": "j", "erased": True}
    assert SECRET not in canonical(kept)


def test_the_digest_of_arguments_stays_only_where_a_key_may_never_be_used_twice() -> None:
    body = {"command": "tool", "name": "n", "args": {"x": 1}, "digest": "d", "fence": 1}
    fact = Fact("command_emitted", "n", body, 1, "")
    assert legible(fact)["args"] == {"erased": True}
    assert set(legible(fact, {"n"})["args"]) == {"erased", "sha256"}


def _wish(story: Story, seqs: Collection[int]) -> EraseBodies:
    keyed = keyed_paths(story.facts)
    chosen = [fact for fact in story.facts if fact.seq in seqs and erasable(fact, keyed)]
    bodies = tuple(Erasure(fact.seq, f"{fact.seq:064x}", legible(fact, keyed)) for fact in chosen)
    return EraseBodies(bodies, ASKER, "asked to", "Art. 17")


def test_a_job_that_runs_is_not_erased() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    scene = begun(graph)
    assert scene.refused(_wish(scene, [1])) == "job_running"


def test_the_afterword_tells_what_the_reader_needs(library: list[Story]) -> None:
    story = library[0]
    said = story.send(_wish(story, range(10_000))).facts
    assert [fact.type for fact in said] == ["payload_erased"]
    found = told(said[0].body)
    assert said[0].body["count"] == len(found) > 0
    assert all(body["erased"] is True and digest == f"{seq:064x}" for seq, (digest, body) in found.items())


def test_a_long_job_is_erased_with_several_afterwords() -> None:
    graph = TaskGraph()
    graph.tool("one", "pay")
    story = begun(graph)
    drive(story)
    story.state = story.state.but(seq=5000)
    bodies = tuple(Erasure(seq, "d", {}) for seq in range(1, AT_ONCE * 2 + 2))
    facts = story.send(EraseBodies(bodies, ASKER, "r", "b")).facts
    assert [fact.body["count"] for fact in facts] == [AT_ONCE, AT_ONCE, 1]
