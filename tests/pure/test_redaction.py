"""Rules of redaction: what they hit, what they leave, and that one value is always written alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.redaction import BUILT_IN, BadRule, Keys, Redactor, Rule, Withheld

KEYS = Keys(b"h" * 32, b"e" * 32)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["a@example.com", "4111 1111 1111 1111"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["email", "a", "b.c", "d/e~", "token"]), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


def sealed(key: bytes, nonce: bytes, text: bytes) -> bytes:
    """No cipher: these tests look at places, not at secrecy."""
    return key[:1] + text[::-1] + b"\0" * 16


def redacted(body: Any, *rules: Rule, type: str = "job_created") -> tuple[dict[str, Any], list[Withheld]]:
    """A body under some rules."""
    return Redactor(rules, KEYS, sealed).body(type, body)


@pytest.mark.parametrize(
    ("path", "hit"),
    [
        ("goal.email", {"/goal/email"}),
        ("goal.*", {"/goal/email", "/goal/list", "/goal/deep"}),
        ("**.email", {"/goal/email", "/goal/deep/email", "/goal/list/1/email"}),
        ("goal.list.0", {"/goal/list/0"}),
        ("goal.list.*.email", {"/goal/list/1/email"}),
        ("goal.deep.**", {"/goal/deep"}),
        ("GOAL.E*L", {"/goal/email"}),
        ("goal", {"/goal"}),
        ("email", set()),
        ("goal.email.x", set()),
    ],
)
def test_a_path_hits_exactly_what_it_says(path: str, hit: set[str]) -> None:
    body = {"goal": {"email": "x", "deep": {"email": "y"}, "list": [1, {"email": "z"}]}}
    new, found = redacted(body, Rule("mask", path=path))
    assert {each.path for each in found} == hit
    assert (new == body) is (not hit)


def test_each_way_leaves_its_mark_and_nothing_of_the_value() -> None:
    body = {
        "goal": {"a": "secret-1", "b": "secret-2", "c": "secret-3", "d": "secret-4", "e": ["secret-5", 6]}
    }
    ways = ["mask", "hash", "encrypt", "remove"]
    rules = [Rule(how, path=f"goal.{name}") for how, name in zip(ways, "abcd", strict=True)]
    new, found = redacted(body, *rules, Rule("remove", path="goal.e.0"))
    assert new["goal"]["a"] == "[withheld mask]"
    assert new["goal"]["b"].startswith("[withheld hash ")
    assert new["goal"]["c"].startswith("[withheld encrypt ")
    assert "d" not in new["goal"]
    assert new["goal"]["e"] == [None, 6]
    assert "secret" not in json.dumps(new)
    assert [each.how for each in found] == [*ways, "remove"]


def test_the_first_rule_that_hits_counts_and_a_type_narrows() -> None:
    body = {"goal": {"email": "x"}}
    new, _ = redacted(body, Rule("mask", path="goal.email"), Rule("hash", path="**.email"))
    assert new["goal"]["email"] == "[withheld mask]"
    assert redacted(body, Rule("mask", path="goal.email", on="signal_received"))[1] == []


def test_personal_data_inside_texts_is_replaced_where_it_stands() -> None:
    body = {"goal": {"note": "write to ann@example.com or call", "ann@example.com": 1}}
    new, found = redacted(body, *BUILT_IN["default"])
    text = new["goal"]["note"]
    assert text.startswith("write to [email hash ")
    assert text.endswith("] or call")
    mark = text.removeprefix("write to ").removesuffix(" or call")
    assert new["goal"][mark] == 1, "the same value has the same mark, also as a name"
    assert {(each.how, each.what) for each in found} == {("hash", "email")}


def test_what_an_event_is_cannot_be_withheld() -> None:
    body = {
        "invocation": "i",
        "status": "landed",
        "attempt": 1,
        "fence": 2,
        "tool": "pay",
        "result": {"x": 1},
    }
    new, found = redacted(body, Rule("remove", path="**"), type="tool_invocation_finished")
    assert new == {name: body[name] for name in body if name != "result"}
    assert found == [Withheld("/result", "remove", "withheld")]


def test_digests_of_what_was_withheld_are_hashed_again_and_others_are_not() -> None:
    redactor = Redactor(BUILT_IN["default"], KEYS, sealed)
    clean, _ = redactor.body("command_emitted", {"args": {"n": 1}, "digest": "d" * 64})
    assert clean["digest"] == "d" * 64
    new, found = redactor.body("command_emitted", {"args": {"email": "a@b.example"}, "digest": "d" * 64})
    assert new["digest"] == redactor.digest("d" * 64) != "d" * 64
    assert Withheld("/digest", "hash", "withheld") in found
    later, _ = redactor.body(
        "reasoning_snapshot", {"goal": "g" * 64, "state_before": "s", "state_after": "t"}
    )
    assert later["goal"] == redactor.digest("g" * 64)


def test_a_vote_goes_with_its_question() -> None:
    redactor = Redactor(BUILT_IN["default"], KEYS, sealed)
    asked, _ = redactor.body("approval_requested", {"approval": "1", "shown": {"phone": "x"}, "digest": "d"})
    voted, _ = redactor.body("approval_decided", {"approval": "1", "digest": "d"})
    other, _ = redactor.body("approval_decided", {"approval": "2", "digest": "d"})
    assert asked["digest"] == voted["digest"] == redactor.digest("d")
    assert other["digest"] == "d"


def test_keys_make_the_difference_and_nothing_else_does() -> None:
    body = {"goal": {"email": "ann@example.com"}}
    rules = BUILT_IN["default"]
    one, same = (Redactor(rules, Keys(b"k" * 32), sealed).body("job_created", body)[0] for _ in range(2))
    assert one == same != Redactor(rules, Keys(b"l" * 32), sealed).body("job_created", body)[0]
    assert "k" * 32 not in repr(Keys(b"k" * 32))


@pytest.mark.parametrize(
    "rule",
    [{"how": "blur", "path": "a"}, {"how": "hash"}, {"how": "hash", "path": "a", "detector": "email"},
     {"how": "hash", "detector": "aura"}, {"how": "hash", "path": "a..b"}],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_refused(rule: dict[str, str]) -> None:
    with pytest.raises(BadRule):
        Rule(**rule)


def test_encryption_without_a_key_is_refused() -> None:
    with pytest.raises(BadRule, match="no encryption key"):
        Redactor([Rule("encrypt", path="goal")], Keys(b"h" * 32), sealed).body("job_created", {"goal": 1})


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value


@given(JSON)
def test_redaction_is_stable_idempotent_about_its_words_and_names_every_change(goal: Any) -> None:
    body = {"goal": goal, "agent": "x"}
    new, found = redacted(body, *BUILT_IN["default"])
    assert (new, found) == redacted(body, *BUILT_IN["default"])
    assert (json.dumps(new, sort_keys=True) == json.dumps(body, sort_keys=True)) is (not found)
    assert not any(
        "a@example.com" in leaf or "4111" in leaf for leaf in _leaves(new) if isinstance(leaf, str)
    )
    assert all(each.path.startswith("/goal") for each in found)
