"""When something on record is worth a look, how badly, and in which words. Pure: numbers in, a finding or nothing out.

Each rule needs a signal of a stated strength and finds nothing below it; what has no signal is unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

SEVERITIES = ("low", "medium", "high", "critical")
KINDS = (
    "retry_loop", "missing_evidence", "fast_approval", "rubber_stamp", "unresolved_effect", "broken_chain", "stuck",
    "divergence",
)  # fmt: skip

RETRIES_HIGH, RETRIES_CRITICAL = 3, 5
READING = 100.0  # characters a second: four times as fast as people read
GLANCE = 4.0  # so many times faster than that is no reading at all
SHORT = 200  # characters; whatever is shorter is read in a moment
HISTORY = 5  # earlier decisions of a person before they are a habit
HASTE = 10.0  # so many times faster than the person's own median
SETTLED_HABIT = 30.0  # seconds of a median below which haste says nothing
VOTES = 10  # decisions of a person before a rate means anything
PEERS = 5  # other jobs of the same agent before their habit means anything
CITING = 0.8  # share of them that cite
UNRESOLVED = ((86_400.0, "critical"), (3_600.0, "high"), (600.0, "medium"))  # seconds, severity


@dataclass(frozen=True)
class Anomaly:
    """One finding.

    Args:
        kind: one of KINDS.
        severity: low, medium, high or critical.
        job: which job; empty where it is about a person or the whole.
        node: which step of it.
        at: when it was last so, as event time; empty where no moment is known.
        reason: what was seen, in one sentence with its numbers.
        facts: the same numbers for programs.
    """

    kind: str
    severity: str
    job: str
    node: str
    at: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As clients see it."""
        return {
            "kind": self.kind, "severity": self.severity, "job": self.job or None, "node": self.node, "at": self.at or None,
            "reason": self.reason, "facts": dict(self.facts),
        }  # fmt: skip


@dataclass(frozen=True)
class Vote:
    """One decision of a person: `seconds` after the question was put, on so many characters that were shown."""

    job: str
    node: str
    at: str
    person: str
    name: str
    decision: str
    seconds: float
    shown: int

    @property
    def unread(self) -> bool:
        """Whether it came before anybody could have read what was shown, had they begun at once."""
        return self.shown >= SHORT and self.seconds < self.shown / READING


def retry_loop(job: str, node: str, retries: int, at: str) -> Anomaly | None:
    """A step that is tried again and again."""
    if retries < RETRIES_HIGH:
        return None
    severity = "critical" if retries >= RETRIES_CRITICAL else "high"
    return Anomaly(
        "retry_loop", severity, job, node, at, f"step {node} was tried again {retries} times", {"retries": retries}
    )  # fmt: skip


def fast_approval(vote: Vote, earlier: Sequence[float]) -> Anomaly | None:
    """A decision that came too fast for what was shown, or for the person's own habit.

    Args:
        vote: the decision.
        earlier: seconds that the person's earlier decisions took.
    """
    facts = {"seconds": round(vote.seconds, 3), "shown": vote.shown, "person": vote.person}
    if vote.unread:
        glanced = vote.seconds < vote.shown / READING / GLANCE
        reason = (
            f"{vote.name}: {vote.decision} {vote.seconds:.1f} s after the question was put; reading the {vote.shown} "
            f"characters that were shown takes {vote.shown / READING:.0f} s at the very least"
        )
        return Anomaly(
            "fast_approval", "high" if glanced else "medium", vote.job, vote.node, vote.at, reason, facts
        )
    usual = median(earlier) if len(earlier) >= HISTORY else 0.0
    if usual < SETTLED_HABIT or vote.seconds * HASTE >= usual:
        return None
    reason = (
        f"{vote.name}: {vote.decision} after {vote.seconds:.1f} s; the {len(earlier)} decisions before took "
        f"{usual:.0f} s (median)"
    )
    return Anomaly("fast_approval", "low", vote.job, vote.node, vote.at, reason, {**facts, "median": usual})


def rubber_stamp(votes: Sequence[Vote]) -> Anomaly | None:
    """A person who approves everything, most of it unread. `votes` are those of one person, in order."""
    told = len(votes)
    unread = sum(vote.unread for vote in votes)
    if told < VOTES or any(vote.decision != "approve" for vote in votes) or 2 * unread < told:
        return None
    last = votes[-1]
    reason = (
        f"{last.name} approved all of {told} questions, {unread} of them before they could have been read"
    )
    facts = {"person": last.person, "votes": told, "unread": unread}
    return Anomaly("rubber_stamp", "high", "", "", last.at, reason, facts)


def unresolved_effect(job: str, node: str, tool: str, seconds: float, at: str) -> Anomaly | None:
    """A call of which nobody has known the outcome for too long."""
    severity = next((word for least, word in UNRESOLVED if seconds >= least), None)
    if severity is None:
        return None
    reason = f"nobody has known for {_span(seconds)} whether {tool} happened"
    return Anomaly(
        "unresolved_effect", severity, job, node, at, reason, {"seconds": int(seconds), "tool": tool}
    )


def missing_evidence(job: str, agent: str, peers: int, citing: int, at: str) -> Anomaly | None:
    """A job that let a model decide on an effect and cites nothing, where other jobs of its agent cite.

    Args:
        job: with a landed effect, a model call, and no citation.
        agent: name and version.
        peers: other jobs of the agent with both.
        citing: how many of them cite a document.
        at: when it was created.
    """
    if peers < PEERS or citing < CITING * peers:
        return None
    reason = (
        f"a model was asked and an effect landed, and no document is cited; {citing} of {peers} other jobs of {agent} "
        "cite one"
    )
    return Anomaly("missing_evidence", "high", job, "", at, reason, {"peers": peers, "citing": citing})


def without_cause(job: str, node: str, tool: str, at: str) -> Anomaly:
    """An effect in the books of which the job's own history has no promise."""
    reason = f"{tool} is in the ledger, and the history of its job has no promise of it"
    return Anomaly("missing_evidence", "critical", job, node, at, reason, {"tool": tool})


def ordered(found: Sequence[Anomaly]) -> list[Anomaly]:
    """The worst first, of these the newest."""
    by_time = sorted(found, key=lambda each: (each.at, each.job, each.node), reverse=True)
    return sorted(by_time, key=lambda each: -SEVERITIES.index(each.severity))


def _span(seconds: float) -> str:
    for size, word in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {word}"
    return f"{int(seconds)} seconds"
