"""What the second use of a business key gets (Law E2)."""

from __future__ import annotations

import pytest

from ledger.verdict import Conflict, Doubt, Entry, Invoke, Recall, Undone, Verdict, verdict

MINE, OTHER = "i-1", "i-2"


def said(state: str, *, digest: str = "same", holder: str = OTHER) -> Verdict:
    """The verdict on a call with the digest `same`, where a line in this state holds the key."""
    return verdict(Entry(holder, "j-2", state, digest, '"R1"'), invocation=MINE, args_digest="same")


def test_a_key_that_nobody_holds_is_free() -> None:
    assert verdict(None, invocation=MINE, args_digest="same") == Invoke()


@pytest.mark.parametrize("state", ["open", "unknown", "landed", "given_up", "compensated"])
def test_a_calls_own_hold_does_not_stand_against_it(state: str) -> None:
    assert said(state, holder=MINE) == Invoke()


@pytest.mark.parametrize("state", ["open", "unknown", "landed", "given_up", "compensated"])
def test_other_arguments_conflict_whatever_became_of_the_first(state: str) -> None:
    answer = said(state, digest="other")
    assert isinstance(answer, Conflict)
    assert answer.entry.invocation == OTHER


def test_what_has_landed_is_recalled_with_its_result() -> None:
    answer = said("landed")
    assert isinstance(answer, Recall)
    assert answer.entry.result == '"R1"'


@pytest.mark.parametrize("state", ["open", "unknown"])
def test_behind_a_call_that_is_not_settled_one_waits(state: str) -> None:
    assert isinstance(said(state), Doubt)


@pytest.mark.parametrize("state", ["compensated", "given_up"])
def test_what_was_undone_or_given_up_is_not_done_again_and_not_waited_for(state: str) -> None:
    assert isinstance(said(state), Undone)
