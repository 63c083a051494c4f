"""Histories: whatever is asked of a job, in whatever order, the laws hold and the job can always end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jobs.core.commands import Cancel
from jobs.core.evolve import BrokenHistory, fold
from jobs.core.graph import TaskGraph
from jobs.core.state import JobState
from tests.pure.driving import drive
from tests.pure.laws import LAWS
from tests.pure.story import ASKER, JOB, Story
from tests.pure.strategies import LONGEST, Dice, stories, tell_story

ROOT = Path(__file__).parents[2]
SEEDS = range(1, 151)
# A seed cannot be made smaller: shrinking would only take time.
seeded = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate], derandomize=True)
dice = st.builds(Dice, st.integers(0, 2**20))


def told(seed: int) -> Story:
    return tell_story(Dice(seed).pick)


@pytest.fixture(scope="module")
def library() -> list[Story]:
    """Many stories, the same in every run."""
    return [told(seed) for seed in SEEDS]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_history_keeps_the_law(law: Callable[[Story], str | None], library: list[Story]) -> None:
    breaches = {seed: breach for seed, story in zip(SEEDS, library, strict=True) if (breach := law(story))}
    assert not breaches


@given(stories())
@settings(derandomize=True)
def test_no_history_breaks_a_law(story: Story) -> None:
    assert [breach for law in LAWS if (breach := law(story))] == []


@given(dice, st.integers(0, LONGEST))
@seeded
def test_a_job_whose_workers_go_on_and_whose_waits_are_answered_ends(throws: Dice, wishes: int) -> None:
    story = tell_story(throws.pick, wishes)
    drive(story)
    assert [breach for law in LAWS if (breach := law(story))] == []


@given(dice, st.integers(0, LONGEST))
@seeded
def test_a_cancelled_job_ends_as_cancelled_wherever_it_stood(throws: Dice, wishes: int) -> None:
    story = tell_story(throws.pick, wishes)
    if not story.state.ended:
        story.send(Cancel(ASKER, "enough"))
        drive(story)
        assert story.state.status == "cancelled"


@given(dice, st.integers(0, LONGEST))
@seeded
def test_a_job_that_is_told_to_compensate_undoes_everything_in_order_wherever_it_stood(
    throws: Dice, wishes: int
) -> None:
    graph = TaskGraph()
    for number, tool in enumerate(("pay", "wire", "ask", "pay", "wire")):
        graph.tool(f"n{number}", tool, x=1, on_error="skip")
    graph.wait("open", signal="never")
    story = tell_story(throws.pick, wishes, graph.to_json())
    story.send(Cancel(ASKER, "enough", compensate=True))
    drive(story)
    assert [breach for law in LAWS if (breach := law(story))] == []


@given(dice)
@seeded
def test_an_ended_job_takes_no_wish_but_evidence(throws: Dice) -> None:
    story = tell_story(throws.pick)
    drive(story)
    ended, at = story.state, len(story.facts)
    for command in {type(told.wish): told.wish for told in story.told}.values():
        story.send(command)
    assert {fact.type for fact in story.facts[at:]} <= {"late_outcome"}
    assert story.state.but(seq=ended.seq, at=ended.at) == ended


@given(dice)
@seeded
def test_a_history_with_a_gap_a_repetition_or_a_stranger_is_recognised(throws: Dice) -> None:
    facts = tell_story(throws.pick, 8).facts
    for broken in ([*facts, facts[-1]], [*facts[:1], *facts[2:]], facts[1:]):
        if len(broken) > 1:
            with pytest.raises(BrokenHistory):
                fold(broken, JobState(job=JOB))


PRINT = """
from hashlib import sha256
from jobs.core.chain import canonical
from jobs.core.parked import parked_on
from tests.pure.strategies import Dice, tell_story
for seed in range(1, 41):
    story = tell_story(Dice(seed).pick)
    facts = [[fact.seq, fact.at, fact.type, fact.node, dict(fact.body)] for fact in story.facts]
    print(seed, sha256(canonical([facts, parked_on(story.state)]).encode()).hexdigest())
"""


def test_no_fact_depends_on_the_order_of_a_hash() -> None:
    printed = {
        subprocess.run(
            [sys.executable, "-c", PRINT],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
    assert printed.pop().count(b"\n") == 40
