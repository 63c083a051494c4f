"""The chain: canonical text, and hashes that bind every byte of an event to its place."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.chain import GENESIS, body_digest, canonical, digest_of, link
from jobs.core.ids import approval_id, child_id, idempotency_key, invocation_id
from tests.pure.graphs import json_values

EVENT: dict[str, Any] = {
    "job": "j", "seq": 1, "type": "job_created", "node": "", "at": "2026-01-05T09:00:00.000000Z",
    "digest": "ab" * 32, "prev": GENESIS,
}  # fmt: skip


@given(json_values)
def test_the_canonical_text_reads_back_and_is_plain_ascii(value: object) -> None:
    written = canonical(value)
    assert written.isascii()
    assert canonical(json.loads(written)) == written


@given(st.dictionaries(st.text(max_size=3), st.integers(), max_size=5))
def test_the_order_of_the_keys_does_not_matter(value: dict[str, int]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


def test_numbers_that_other_stores_change_keep_their_text() -> None:
    assert canonical([1e16, 1e22, -0.0, "\x00"]) == '[1e+16,1e+22,-0.0,"\\u0000"]'


@pytest.mark.parametrize("value", [{1: 2}, {"a": {None: 1}}, {1, 2}, b"x", object()])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    itself: dict[str, Any] = {"a": 1}
    itself["b"] = [itself]
    with pytest.raises(ValueError, match="Circular"):
        canonical(itself)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": [value]})


def test_the_hashes_are_those_of_the_published_formula() -> None:
    salt, body = "00ff" * 8, canonical({"a": 1})
    assert body_digest(salt, body) == sha256(bytes.fromhex(salt) + body.encode("ascii")).hexdigest()
    told = (
        "\n".join(["aetheris.event.v1", "j", "1", "job_created", "", EVENT["at"], "ab" * 32, GENESIS]) + "\n"
    )
    assert link(**EVENT) == sha256(told.encode("ascii")).hexdigest()


@pytest.mark.parametrize("changed", sorted(EVENT))
def test_a_change_of_any_field_changes_the_hash(changed: str) -> None:
    other = {**EVENT, changed: 2 if changed == "seq" else EVENT[changed] + "0"}
    assert link(**other) != link(**EVENT)


def test_the_salt_hides_equal_bodies() -> None:
    assert body_digest("00" * 16, "{}") != body_digest("01" * 16, "{}")
    assert digest_of({}) == digest_of({})


def test_computed_names_are_the_same_everywhere_and_differ_by_what_they_name() -> None:
    made = {make("j", "n") for make in (idempotency_key, invocation_id, approval_id, child_id)}
    assert len(made) == 4
    assert invocation_id("j", "n") == invocation_id("j", "n")
    assert len({invocation_id("j", "n"), invocation_id("j", "m"), invocation_id("i", "n")}) == 3
