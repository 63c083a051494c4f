"""How good the ground of a job's decisions is, from what is on record. Pure; what has no signal is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Signals:
    """What is on record of a job.

    Args:
        whole: whether its record verifies.
        effects: calls with an effect; `uncertain` of them have no known outcome.
        steps: steps that have settled; `retried` of them were tried more than once.
        votes: decisions of people; `unread` of them came before what was shown could have been read.
        models: model calls.
        documents: documents that are cited.
    """

    whole: bool
    effects: int = 0
    uncertain: int = 0
    steps: int = 0
    retried: int = 0
    votes: int = 0
    unread: int = 0
    models: int = 0
    documents: int = 0


def quality(signals: Signals) -> dict[str, Any]:
    """A score from 0 to 1, or "unknown", with its parts.

    The score is the mean of the parts that are known, and 0 for a record that does not verify. Fewer than two known
    parts are no ground for a score.

    Returns:
        `{score, parts: [{name, value, reason}]}`; a value is a number from 0 to 1 or "unknown".
    """
    parts = [_certainty(signals), _steadiness(signals), _oversight(signals), _sources(signals)]
    known = [part["value"] for part in parts if part["value"] != UNKNOWN]
    score: Any = round(sum(known) / len(known), 2) if len(known) >= 2 else UNKNOWN
    whole = _part(
        "integrity", float(signals.whole), "the record verifies" if signals.whole else "the record is broken"
    )
    return {"score": score if signals.whole else 0.0, "parts": [whole, *parts]}


def _part(name: str, value: float | None, reason: str) -> dict[str, Any]:
    return {"name": name, "value": UNKNOWN if value is None else round(value, 2), "reason": reason}


def _share(name: str, of: int, bad: int, none: str, said: str) -> dict[str, Any]:
    return _part(name, None, none) if not of else _part(name, (of - bad) / of, said)


def _certainty(told: Signals) -> dict[str, Any]:
    said = f"the outcome of {told.effects - told.uncertain} of {told.effects} effects is known"
    return _share("certainty", told.effects, told.uncertain, "it called nothing that has an effect", said)


def _steadiness(told: Signals) -> dict[str, Any]:
    said = f"{told.steps - told.retried} of {told.steps} steps settled at their first attempt"
    return _share("steadiness", told.steps, told.retried, "no step has settled", said)


def _oversight(told: Signals) -> dict[str, Any]:
    said = f"{told.votes - told.unread} of {told.votes} decisions left time to read what was shown"
    return _share("oversight", told.votes, told.unread, "nobody was asked", said)


def _sources(told: Signals) -> dict[str, Any]:
    if not told.models:
        return _part("sources", None, "no model was asked")
    if not told.documents:
        return _part(
            "sources", None, "a model was asked and nothing is cited; whether it should be, nothing says"
        )
    return _part("sources", 1.0, f"{told.documents} documents are cited")
