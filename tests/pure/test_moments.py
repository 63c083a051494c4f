"""Moments: text whose order is the order of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.core.moments import due, parse, plus, text

moments = st.datetimes(datetime(1900, 1, 1), datetime(2900, 1, 1), timezones=st.just(UTC))
NOW = "2026-01-05T09:00:00.000000Z"


@given(moments)
def test_a_moment_reads_back_as_it_was_written(moment: datetime) -> None:
    assert parse(text(moment)) == moment
    assert len(text(moment)) == len(NOW)


@given(moments, moments)
def test_the_order_of_the_texts_is_the_order_of_time(one: datetime, other: datetime) -> None:
    assert (text(one) < text(other)) == (one < other)


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    moment = datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=1)))
    assert text(moment) == NOW


@given(st.text(alphabet="0123456789-:.TZW+ ", max_size=30) | moments.map(text))
def test_whatever_is_read_is_read_as_the_form_says(told: str) -> None:
    try:
        expected = datetime.strptime(told, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011 - the words are those of the library
            parse(told)
        return
    assert parse(told) == expected


@pytest.mark.parametrize(
    "lost", ["2026-01-05T09:00:00Z", "2026-01-05 09:00:00.000000Z", "2026-W01-1T09:00:00.000000Z", ""]
)
def test_a_moment_in_another_form_is_refused(lost: str) -> None:
    with pytest.raises(ValueError, match="does not match"):
        parse(lost)


def test_a_deadline_counts_from_the_moment_of_asking_or_names_its_own() -> None:
    assert plus(NOW, 0.25) == "2026-01-05T09:00:00.250000Z"
    assert due({"in": 60.0}, NOW) == "2026-01-05T09:01:00.000000Z"
    assert due({"at": "2030-01-01T00:00:00.000000Z"}, NOW) == "2030-01-01T00:00:00.000000Z"
    assert due(None, NOW) is None
