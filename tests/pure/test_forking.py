"""Retry and fork: wherever a record is cut, what is born of it keeps the laws and calls nothing again that landed."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jobs.core.past import carried
from tests.pure.driving import drive
from tests.pure.forked import born, past_of
from tests.pure.laws import LAWS
from tests.pure.story import Story
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
