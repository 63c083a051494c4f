"""The course that the console draws agrees with the fold, for every history; and two attempts are told apart."""

from __future__ import annotations

from hypothesis import given

from jobs.console.comparing import attempts_of, difference
from jobs.console.course import Way, walk
from jobs.core.events import Fact
from jobs.core.moments import parse
from tests.pure.story import Story
from tests.pure.strategies import Dice, seeds, stories, tell_story

# What the agenda knows better while a job lives: the page asks it.
SETTLED = {"done": "done", "rejected": "done", "failed": "failed", "skipped": "skipped"}


def _owner(story: Story) -> object:
    def owner(path: str) -> str:
        return path if path in story.state.nodes else path.partition("/")[0]

    return owner


def _agrees(story: Story) -> None:
    course = walk(story.facts, _owner(story))  # type: ignore[arg-type]
    for node in story.state.nodes.values():
        if node.status in SETTLED and node.id in course.ways:
            assert course.ways[node.id].state == SETTLED[node.status], node.id
        if node.status == "running" and not story.state.ended and node.fence:
            assert course.ways[node.id].state == "running", node.id
            assert course.ways[node.id].worker == node.worker
    assert (course.ended is not None) == story.state.ended
    for way in course.ways.values():
        _in_order(way, ended=course.ended is not None)


def _in_order(way: Way, *, ended: bool) -> None:
    for before, after in zip(way.bars, way.bars[1:], strict=False):
        assert before.end is not None
        assert before.start <= before.end <= after.start
    if ended and way.bars:
        assert way.bars[-1].end is not None


@given(stories())
def test_what_is_drawn_of_a_short_history_is_what_the_fold_says(story: Story) -> None:
    _agrees(story)


@given(seeds())
def test_what_is_drawn_of_a_long_history_is_what_the_fold_says(dice: Dice) -> None:
    _agrees(tell_story(dice.pick, 60))


def _fact(what: str, node: str, seconds: int, /, **body: object) -> Fact:
    return Fact(what, node, body, seconds + 1, f"2026-01-01T00:00:{seconds:02d}.000000Z")


def test_a_lost_worker_a_take_over_and_a_wait_are_told() -> None:
    facts = [
        _fact("node_started", "pay", 0, worker="a", attempt=1),
        _fact("lease_lost", "pay", 5),
        _fact("node_started", "pay", 7, worker="b", attempt=1),
        _fact("job_parked", "pay", 8, kind="unknown_outcome", name="x"),
        _fact("outcome_resolved", "pay", 20),
        _fact("node_started", "pay", 21, worker="b", attempt=2),
        _fact("node_finished", "pay", 22),
    ]
    way = walk(facts, lambda path: path).ways["pay"]
    assert [(bar.kind, bar.worker, (bar.end or bar.start).second) for bar in way.bars] == [
        ("lost", "a", 5), ("attempt", "b", 8), ("wait", "", 20), ("attempt", "b", 22),
    ]  # fmt: skip
    assert way.takeovers == [parse("2026-01-01T00:00:07.000000Z")]
    assert (way.state, way.attempts) == ("done", 3)


def test_items_that_do_not_run_when_their_map_is_over_are_left_behind() -> None:
    facts = [
        _fact("node_started", "each/0", 0, worker="a", attempt=1),
        _fact("node_retry_scheduled", "each/0", 1),
        _fact("node_started", "each/1", 2, worker="a", attempt=1),
        _fact("job_parked", "each/1", 3, kind="unknown_outcome", name="x"),
        _fact("node_failed", "each", 4),
    ]
    owner = {"each/0": "each/0", "each/1": "each/1", "each": "each"}.__getitem__
    ways = walk(facts, owner).ways
    assert {path: ways[path].state for path in ways} == {
        "each/0": "skipped", "each/1": "parked", "each": "failed",
    }  # fmt: skip
    settled = walk([*facts, _fact("outcome_resolved", "each/1", 9)], owner).ways
    assert settled["each/1"].state == "skipped"
    assert [bar.end for way in settled.values() for bar in way.bars if bar.end is None] == []


def test_two_attempts_differ_in_what_was_said_and_not_in_where_it_stands() -> None:
    events = [
        {"seq": 4, "type": "node_started", "body": {"worker": "a", "fence": 4, "attempt": 1}},
        {"seq": 5, "type": "node_failed", "body": {"error": "one", "fence": 4}},
        {"seq": 9, "type": "node_started", "body": {"worker": "a", "fence": 9, "attempt": 2}},
        {"seq": 10, "type": "node_failed", "body": {"error": "two", "fence": 9}},
    ]
    found = attempts_of(events, [4, 9])
    told = [(line.kind, line.text.strip("+- \n")) for line in difference(found[4], found[9])]
    assert [each for each in told if each[0] in ("added", "removed")] == [
        ("removed", '"error": "one"'), ("added", '"error": "two"'),
    ]  # fmt: skip
    assert difference(found[4], found[4]) == []
