"""Durations and deadlines: what is written is read exactly, and nothing else is."""

from __future__ import annotations

import math

import pytest

from jobs.core.names import PlanError, deadline, seconds


@pytest.mark.parametrize(
    ("written", "span"),
    [(0, 0.0), (1.5, 1.5), ("250ms", 0.25), ("30s", 30.0), ("1.5h", 5400.0), ("3d", 259_200.0)],
)
def test_a_duration_is_read_in_seconds(written: float | str, span: float) -> None:
    assert seconds(written) == span
    assert deadline(written) == {"in": span} == deadline({"in": written})


@pytest.mark.parametrize(
    "written",
    [True, -1, math.nan, math.inf, 10**400, "", "3", "3 d", "-3s", "3D", "٣s", "1e3s", "9999999d", None, []],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(PlanError) as caught:
        seconds(written)
    assert caught.value.code == "bad_duration"
    with pytest.raises(PlanError) as caught:
        deadline(written)
    assert caught.value.code == "bad_deadline"


@pytest.mark.parametrize(
    "written",
    [
        "2030-01-31",
        "2030-01-31T12:00:00",
        "2030-02-30T12:00:00Z",
        "2030-01-31T12:00:60Z",
        "0001-01-01T00:00:00+10:00",
        {"at": "3d"},
        {"in": "2030-01-31T12:00:00Z"},
        {"in": 1, "at": 2},
        {},
        {1: 2},
    ],
)
def test_what_is_no_moment_is_refused_as_a_deadline(written: object) -> None:
    with pytest.raises(PlanError) as caught:
        deadline(written)
    assert caught.value.code == "bad_deadline"


def test_a_moment_is_kept_in_utc_with_six_decimals() -> None:
    assert deadline("2030-01-31t12:00:00.1234567-01:30") == {"at": "2030-01-31T13:30:00.123456Z"}
    assert deadline({"at": "0900-01-31T12:00:00Z"}) == {"at": "0900-01-31T12:00:00.000000Z"}
