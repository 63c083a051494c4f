"""The rules of anomalies: each at its threshold, below it nothing; and quality, which invents nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.anomalies import rules
from forensics.anomalies.quality import UNKNOWN, Signals, quality
from forensics.anomalies.rules import Vote

AT = "2026-01-05T09:00:00.000000Z"


def vote(seconds: float, shown: int = 1000, decision: str = "approve") -> Vote:
    return Vote("j", "ask", AT, "u1", "ann", decision, seconds, shown)


@pytest.mark.parametrize(
    ("retries", "severity"),
    [(0, None), (2, None), (3, "high"), (4, "high"), (5, "critical"), (9, "critical")],
)
def test_retries(retries: int, severity: str | None) -> None:
    found = rules.retry_loop("j", "n", retries, AT)
    assert (found and found.severity) == severity


@pytest.mark.parametrize(
    ("seconds", "shown", "severity"),
    [(0.1, 1000, "high"), (2.4, 1000, "high"), (2.6, 1000, "medium"), (9.9, 1000, "medium"), (10.1, 1000, None), (0.0, 199, None), (0.0, 200, "high")],
)  # fmt: skip
def test_an_approval_before_anybody_could_have_read_it(
    seconds: float, shown: int, severity: str | None
) -> None:
    found = rules.fast_approval(vote(seconds, shown), [])
    assert (found and found.severity) == severity


@pytest.mark.parametrize(
    ("seconds", "earlier", "severity"),
    [
        (11.0, [300.0] * 5, "low"),
        (11.0, [300.0] * 4, None),
        (40.0, [300.0] * 5, None),
        (2.0, [25.0] * 9, None),
    ],
)
def test_an_approval_against_the_persons_own_habit(
    seconds: float, earlier: list[float], severity: str | None
) -> None:
    found = rules.fast_approval(vote(seconds, 100), earlier)
    assert (found and found.severity) == severity


def test_somebody_who_approves_everything_unread() -> None:
    fast, slow = vote(0.5), vote(60)
    assert (found := rules.rubber_stamp([fast] * 5 + [slow] * 5))
    assert found.severity == "high"
    assert "10 questions, 5 of them" in found.reason
    assert rules.rubber_stamp([fast] * 9) is None
    assert rules.rubber_stamp([fast] * 4 + [slow] * 6) is None
    assert rules.rubber_stamp([fast] * 10 + [vote(0.5, decision="reject")]) is None


@pytest.mark.parametrize(
    ("seconds", "severity"), [(599, None), (600, "medium"), (3600, "high"), (86_400, "critical")]
)
def test_an_unresolved_effect_by_its_age(seconds: float, severity: str | None) -> None:
    found = rules.unresolved_effect("j", "n", "pay", seconds, AT)
    assert (found and found.severity) == severity


@pytest.mark.parametrize(
    ("peers", "citing", "found"),
    [(5, 5, True), (5, 4, True), (5, 3, False), (4, 4, False), (100, 79, False), (100, 80, True)],
)
def test_evidence_is_missing_only_where_the_others_have_it(peers: int, citing: int, found: bool) -> None:
    assert (rules.missing_evidence("j", "a@1", peers, citing, AT) is not None) == found


def test_the_worst_comes_first_and_of_these_the_newest() -> None:
    made = [rules.Anomaly("stuck", severity, job, "", at, "") for severity, job, at in
            (("low", "a", "3"), ("critical", "b", "1"), ("high", "c", "1"), ("critical", "d", "2"))]  # fmt: skip
    assert [each.job for each in rules.ordered(made)] == ["d", "b", "c", "a"]


def test_nothing_on_record_is_no_ground_for_a_score() -> None:
    told = quality(Signals(whole=True))
    assert told["score"] == UNKNOWN
    assert {part["name"]: part["value"] for part in told["parts"]} == {
        "integrity": 1.0, "certainty": UNKNOWN, "steadiness": UNKNOWN, "oversight": UNKNOWN, "sources": UNKNOWN,
    }  # fmt: skip
    assert quality(Signals(whole=True, steps=3))["score"] == UNKNOWN


@pytest.mark.parametrize(
    ("signals", "score"),
    [
        ({"effects": 1, "steps": 2}, 1.0),
        ({"effects": 2, "uncertain": 1, "steps": 2}, 0.75),
        ({"effects": 1, "steps": 4, "retried": 1, "votes": 2, "unread": 2}, 0.58),
        ({"effects": 1, "steps": 1, "models": 1, "documents": 0}, 1.0),
    ],
)
def test_the_score_is_the_mean_of_what_is_known(signals: dict[str, Any], score: float) -> None:
    assert quality(Signals(whole=True, **signals))["score"] == score


@given(st.builds(Signals, whole=st.just(False), effects=st.integers(0, 9), steps=st.integers(0, 9)))
def test_a_broken_record_is_worth_nothing(signals: Signals) -> None:
    assert quality(signals)["score"] == 0.0
