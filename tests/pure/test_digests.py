"""Digests of values that are asked for again and again: the same as ever, and never those of another value."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jobs.core import chain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=5))
def test_a_digest_that_is_kept_in_mind_is_the_digest(values: list[Any]) -> None:
    for _ in range(2):
        assert [chain.digest_once(each) for each in values] == [chain.digest_of(each) for each in values]


def test_only_the_last_values_are_kept_in_mind() -> None:
    for number in range(3 * chain.KEPT):
        value = {"number": number}
        assert chain.digest_once(value) == chain.digest_of(value)
    assert len(chain._digests) <= chain.KEPT
