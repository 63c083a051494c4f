"""Histories: drawn plans, drawn wishes, and the story of one job that they make."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.pure.plans_drawn import KINDS, SIZES, draw_plan
from tests.pure.sensible import common_wishes, rare_wishes
from tests.pure.story import GATHERED, LINES, Story
from tests.pure.wild import wild_wishes

T = TypeVar("T")
Pick = Callable[[Sequence[Any]], Any]
LONGEST = 25
STRIDES = (0.0, 0.0, 1.0, 40.0, 4000.0)


class Dice:
    """A die of our own: the same throws on every machine, so that reach and examples never change by luck."""

    def __init__(self, seed: int) -> None:
        self.state = seed * 2_654_435_761 % 2**32 or 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        for _ in range(3):
            self.state = (self.state * 1_664_525 + 1_013_904_223) % 2**32
        return options[(self.state >> 8) % len(options)]


def tell_story(pick: Pick, wishes: int = LONGEST, plan: dict[str, Any] | None = None) -> Story:
    """A job with a drawn plan (or this one) and up to `wishes` drawn wishes, three in four of them sensible."""
    theme = pick((None, None, None, "workflow", "map"))
    story = Story(pick, plan or _plan(pick, theme), lines=GATHERED if theme else LINES)
    story.begin()
    for _ in range(wishes):
        if story.state.ended and pick((0, 1, 2)):
            break
        story.pass_time(pick(STRIDES))
        if command := next_wish(story, pick):
            story.send(command)
    return story


def _plan(pick: Pick, theme: str | None) -> dict[str, Any]:
    """Any plan; now and then one workflow or one map alone, whose rare ways long plans seldom reach."""
    if theme is None:
        return draw_plan(pick)
    return draw_plan(lambda options: theme if options is KINDS else 1 if options is SIZES else pick(options))


def next_wish(story: Story, pick: Pick) -> Any:
    """A wish that suits the state, now and then a rare or a wild one."""
    turn = pick(range(16))
    if turn == 0:
        return pick(rare_wishes(story))
    if turn < 4:
        return pick(wild_wishes(story))
    common = common_wishes(story)
    return pick(common) if common else None


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Stories that hypothesis can make shorter."""
    length = draw(st.integers(3, LONGEST))
    return tell_story(lambda options: options[draw(st.integers(0, len(options) - 1))], length)


@st.composite
def seeds(draw: st.DrawFn) -> Dice:
    """A die with a drawn seed: long stories, quickly."""
    return Dice(draw(st.integers(0, 2**20)))
