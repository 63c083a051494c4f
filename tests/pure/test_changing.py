"""A changed copy of a state is what `dataclasses.replace` gives, and an unknown field is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.changing import changed
from jobs.core.state import JobState, Mail

NAMES = [each.name for each in fields(JobState)]


@given(st.dictionaries(st.sampled_from(NAMES), st.integers()))
def test_it_is_what_replace_gives(changes: dict[str, int]) -> None:
    values: dict[str, Any] = dict(changes)
    state = JobState(job="x", seq=7)
    assert changed(state, changes) == replace(state, **values)
    assert state == JobState(job="x", seq=7)


def test_a_field_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="no field sequel"):
        JobState().but(seq=1, sequel=2)


def test_one_with_slots_is_copied_too_and_refuses_what_it_has_not() -> None:
    letter = Mail(id="a", payload={"x": 1}, seq=7)
    assert changed(letter, {"seq": 8}) == replace(letter, seq=8)
    assert letter.seq == 7
    with pytest.raises(TypeError, match="Mail has no field sequel"):
        changed(letter, {"sequel": 8})
