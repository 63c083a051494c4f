"""The retry policy and durations."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.retry import NO_RETRY, Retry, seconds

policies = st.builds(
    Retry,
    max_attempts=st.integers(1, 100),
    backoff=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    max_backoff=st.floats(0, 1e6),
    jitter=st.floats(0, 1),
)
attempts = st.integers(1, 5000)
dice = st.floats(0, 1, exclude_max=True)


@given(policies, attempts, dice)
def test_a_delay_stays_within_the_jitter_of_its_base(retry: Retry, attempt: int, throw: float) -> None:
    base = Retry(backoff=retry.backoff, factor=retry.factor, max_backoff=retry.max_backoff, jitter=0)
    plain = base.delay(attempt, throw)
    assert plain * (1 - retry.jitter) - 1e-6 <= retry.delay(attempt, throw)
    assert retry.delay(attempt, throw) <= plain * (1 + retry.jitter) + 1e-6


@given(policies, attempts, dice)
def test_delays_grow_with_attempts_up_to_the_longest(retry: Retry, attempt: int, throw: float) -> None:
    assert retry.delay(attempt, throw) <= retry.delay(attempt + 1, throw) + 1e-9
    assert retry.delay(attempt, 0.5) <= retry.max_backoff


@given(policies)
def test_a_policy_survives_json(retry: Retry) -> None:
    assert Retry.from_json(retry.to_json()) == retry


def test_the_first_delays_are_backoff_times_powers_of_factor() -> None:
    retry = Retry(backoff=0.5, factor=3, max_backoff=10, jitter=0)
    assert [retry.delay(n, 0.7) for n in (1, 2, 3, 4)] == [0.5, 1.5, 4.5, 10]
    assert NO_RETRY.max_attempts == 1


def test_a_hundred_thousandth_attempt_still_has_a_delay() -> None:
    assert Retry(jitter=0).delay(100_000, 0) == 60
    assert Retry(backoff=0, jitter=0).delay(100_000, 0) == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"max_attempts": 2.0}, "max_attempts"),
        ({"backoff": -1}, "backoff"),
        ({"backoff": "soon"}, "backoff"),
        ({"factor": 0.5}, "factor"),
        ({"factor": math.inf}, "factor"),
        ({"max_backoff": math.nan}, "max_backoff"),
        ({"jitter": 1.5}, "jitter"),
    ],
)
def test_a_policy_out_of_range_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Retry.from_json(wrong)


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="attempts_max"):
        Retry.from_json({"attempts_max": 3})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("2h", 7200), ("3d", 259_200), (7, 7), (0.5, 0.5)],
)
def test_durations_are_seconds_or_text_with_a_unit(text: float | str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        "30",
        "s",
        "-1s",
        " 1s",
        "1s\n",
        "1 s",
        "1w",
        "\u0663s",
        True,
        None,
        math.inf,
        math.nan,
        -1,
        pytest.param(10**400, id="beyond floats"),
    ],
)
def test_what_is_no_duration_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="timeout of tool 'pay'"):
        seconds(wrong, "timeout of tool 'pay'")  # type: ignore[arg-type]


@pytest.mark.parametrize(("attempt", "throw"), [(0, 0.5), (1, 1.0), (1, -0.1)])
def test_a_delay_needs_a_real_attempt_and_a_fair_throw(attempt: int, throw: float) -> None:
    with pytest.raises(ValueError, match=r"Retry\.delay"):
        Retry().delay(attempt, throw)
