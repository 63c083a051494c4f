"""Facts, in the past tense: a closed set, each with its documented body (design: Law L2).

A body holds what the table names and nothing else; a test keeps it so, and `docs/events.md` is
printed from here. `?` after a name marks a member that may be absent; `copied` is there where a job born of
another one repeats what is on that one's record, and is the number of the event there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, with its place in the job and its moment."""

    type: str
    node: str
    body: Body
    seq: int
    at: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What an event kind means and which members its body may have."""

    meaning: str
    fields: tuple[str, ...]

    @property
    def required(self) -> frozenset[str]:
        return frozenset(name for name in self.fields if not name.endswith("?"))

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset(name.rstrip("?") for name in self.fields)


def _kind(meaning: str, fields: str = "") -> Kind:
    return Kind(meaning, tuple(fields.split()))


KINDS: dict[str, Kind] = {
    "job_created": _kind(
        "Somebody asked an agent for something.",
        "agent version goal actor origin tenant tags priority parent? instance? state? generation? forked_from? on_failure? request_key?",
    ),
    "plan_generated": _kind(
        "The planner's graph was adopted; it never changes.", "plan plan_hash requires fence copied?"
    ),
    "node_started": _kind(
        "A worker claimed the step; this event's seq is the step's fence.",
        "worker attempt reason alone? code? copied?",
    ),
    "command_emitted": _kind(
        "The step decided to ask something of the world.",
        "command name args digest fence? count? call? copied?",
    ),
    "tool_invocation_started": _kind(
        "The promise: written before the call.",
        "invocation tool version schema effect key business_key attempt deadline probe retry fence holds confirm? "
        "compensation? requires? compensates?",
    ),
    "tool_invocation_finished": _kind(
        "The call told its outcome.",
        "invocation tool status attempt fence result? error? seconds? citations? unstorable? recalled_from? copied?",
    ),
    "command_committed": _kind(
        "What the step asked for is settled.", "command outcome fence error? barred? copied?"
    ),
    "reasoning_snapshot": _kind(
        "What the step knew: goal and state as digests, the change of state in full.",
        "goal state_before state_after delta fence llm_request? llm_response? inputs? copied?",
    ),
    "effect_recorded": _kind(
        "A reading of clock, die or code version, read alike ever after.", "kind value fence copied?"
    ),
    "node_finished": _kind(
        "The step settled with a result.",
        "outcome result step_outcome fence timed_out? errors? taken? decision? copied?",
    ),
    "node_failed": _kind(
        "The step settled without a result.", "error step_outcome fence on_error timed_out? copied?"
    ),
    "node_retry_scheduled": _kind(
        "The attempt failed; another follows at its time.", "attempt wake_at error step_outcome fence call?"
    ),
    "node_skipped": _kind("The step will not run.", "reason because cause? copied?"),
    "lease_lost": _kind("The claim ended without an outcome.", "worker fence reason known_dead"),
    "outcome_unknown": _kind(
        "Nobody knows whether the effect happened.",
        "invocation reason attempt fence answer? evidence? wake_at? probes?",
    ),
    "outcome_resolved": _kind(
        "The unknown outcome was settled by a probe or a person.",
        "invocation verdict by evidence fence result? comment?",
    ),
    "job_parked": _kind(
        "The step waits and holds no worker.",
        "kind name deadline? wake_at? fence? copied? call? attempt? error?",
    ),
    "signal_received": _kind("A word from outside, named.", "name payload id actor copied?"),
    "wait_completed": _kind(
        "A wait got what it waited for, or its time passed.", "kind name value source timed_out copied?"
    ),
    "approval_requested": _kind(
        "A question was put to people.",
        "approval question shown releases digest groups users quorum four_eyes deadline on_timeout escalate_to form copied?",
    ),
    "approval_decided": _kind(
        "Somebody voted or handed the vote on, or the deadline decided.",
        "approval decision actor comment digest form effect to? copied?",
    ),
    "timer_fired": _kind("A timer's moment came.", "due copied?"),
    "message_received": _kind("A message came on a channel.", "channel payload id actor sender? copied?"),
    "child_started": _kind("A child job was asked for.", "job agent goal retries? copied?"),
    "child_finished": _kind("The child job ended.", "job status output error copied?"),
    "compensation_started": _kind("Undoing a landed effect began.", "invocation compensates call"),
    "compensation_finished": _kind("The effect was undone.", "invocation compensates call"),
    "compensation_failed": _kind("The effect could not be undone.", "invocation compensates call error"),
    "job_paused": _kind("Nothing new starts until the job is resumed.", "actor reason"),
    "job_resumed": _kind("The job goes on.", "actor reason"),
    "job_failing": _kind("A failure ends the job once every promise is settled.", "node error"),
    "job_cancelling": _kind("The job ends once every promise is settled.", "actor reason compensate?"),
    "job_completed": _kind("The end: everything that was to be done is done.", "output outcome"),
    "job_failed": _kind("The end: a step failed.", "node error compensation?"),
    "job_cancelled": _kind("The end: somebody called it off.", "actor reason compensation?"),
    "payload_erased": _kind(
        "Bodies were erased: of which events, by whom, why, on what legal basis; and what stays legible of each.",
        "seq digests legible count actor reason basis",
    ),
    "world_confirmed": _kind(
        "The world still shows a landed effect.", "invocation actor step? evidence? accepted?"
    ),
    "world_diverged": _kind(
        "The world shows a landed effect no more.", "invocation actor evidence mode step? accepted?"
    ),
    "job_forked": _kind("A new job was started from a point of this one.", "job at how actor"),
    "late_outcome": _kind(
        "An outcome arrived after its claim had ended.", "invocation status attempt fence result? error?"
    ),
}

TERMINALS = frozenset({"job_completed", "job_failed", "job_cancelled"})
AFTERWORDS = frozenset({"payload_erased", "world_confirmed", "world_diverged", "job_forked", "late_outcome"})
