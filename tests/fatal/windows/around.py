"""Windows around a step: the sweep, the drain, cancel and pause while a worker dies, and a service that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import DOUBT, LOST, expected
from tests.fatal.windows.window import (
    NOTHING_OPEN,
    PERSON_ABSENT,
    PERSON_FAIL,
    PERSON_LANDED,
    PROBE_LANDED,
    SAME_KEY,
    TAKEN_OVER,
    Window,
)

SWEEPER = "sweeping worker"
# Name, moment, crash point, and what a first worker had left: where it died, and what is known of it.
SWEEPS = (
    ("in-bury", "the sweep: a worker is declared dead, its steps are not freed", "in_bury:1", "after_claim:1", "claimed"),
    ("in-release", "the sweep: a dead worker's step is freed, nobody has knocked for it", "in_release:1",
     "after_claim:1", "claimed"),
    ("in-release-unknown", "the sweep: a dead worker's call has become unknown", "in_release:1", "before_outcome:1",
     "landed"),
    ("release-in-append", "the sweep: in the transaction that frees a step", "in_append:1", "after_claim:1", "claimed"),
    ("release-before-commit", "the sweep: before the COMMIT that frees a step", "before_commit:1", "before_outcome:1",
     "landed"),
    ("release-after-commit", "the sweep: right after the COMMIT that frees a step", "after_commit:1",
     "before_outcome:1", "landed"),
    ("release-unheard", "the sweep: after that commit, before the knock", "after_commit_before_knock:1",
     "before_outcome:1", "landed"),
    ("in-tick", "the sweep: between the hint and the knock", "in_tick:1", "", "unclaimed"),
    ("after-tick", "the sweep: all is done, the tick is still claimed", "after_tick:1", "", "unclaimed"),
)  # fmt: skip


def sweeps() -> Iterator[Window]:
    """A worker that cleans up after a dead one dies too."""
    for name, where, at, first, known in SWEEPS:
        found, resolved = expected(known, "graph", "probed")
        yield Window(
            id=f"sweep-{name}", where=where, killed=SWEEPER, plot="sweep", tool="probed", at=at, first=first, found=found,
            resolved=resolved,
        )  # fmt: skip
    for name, where, at in (
        ("in-tick", "the sweep: a timer is due, between the hint and the command", "in_tick:1"),
        ("before-commit", "the sweep: before the COMMIT of a timer's end", "before_commit:1"),
        ("after-commit", "the sweep: right after the COMMIT of a timer's end", "after_commit:1"),
        ("unheard", "the sweep: after a timer's end, before the knock", "after_commit_before_knock:1"),
    ):
        yield Window(
            id=f"timer-{name}", where=where, killed=SWEEPER, plot="timer", form="nap", tool="probed", at=at
        )
    for name, where, at in (
        ("before", "the sweep: before a delivery that is due", "before_delivery:1"),
        ("in-append", "the sweep: in the receiver's transaction", "in_append:1"),
        ("before-commit", "the sweep: before the receiver's COMMIT", "before_commit:1"),
        ("after-commit", "the sweep: right after the receiver's COMMIT", "after_commit:1"),
    ):
        yield Window(
            id=f"owed-{name}", where=where, killed=SWEEPER, plot="owed", form="child", tool="probed", at=at
        )
    yield Window(
        id="place-hold", where="the sweep: a step is parked for want of a capability", killed=SWEEPER, plot="unable",
        tool="capable", at="in_place:1",
    )  # fmt: skip
    yield Window(
        id="place-wake", where="the sweep: a step is woken, its capability is there", killed=SWEEPER, plot="able",
        tool="capable", at="in_place:1",
    )  # fmt: skip


def drains() -> Iterator[Window]:
    """A worker dies while it leaves."""
    held = {"mode": "hang", "when": "after"}
    for form in ("graph", "def", "async"):
        for tool in ("blind", "probed"):
            found, resolved = expected("landed", form, tool)
            yield Window(
                id=f"drain-killed-{form}-{tool}", where="SIGTERM during a call, then SIGKILL before it ends",
                killed="draining worker", plot="drain", form=form, tool=tool, service=held, found=found, resolved=resolved,
            )  # fmt: skip
    found, resolved = expected("landed", "graph", "probed")
    yield Window(
        id="drain-begun", where="the drain has begun, a call is under way", killed="draining worker", plot="drain",
        tool="probed", at="in_drain:1", service=held, found=found, resolved=resolved,
    )  # fmt: skip
    for form in ("graph", "def", "async"):
        yield Window(
            id=f"drain-goodbye-{form}", where="the call is told, the good-bye is written, nothing is handed on",
            killed="draining worker", plot="drain", form=form, at="in_goodbye:1", service=held,
            found=frozenset() if form == "graph" else LOST,
            resolved=frozenset({NOTHING_OPEN if form == "graph" else TAKEN_OVER}),
        )  # fmt: skip


def asked_meanwhile() -> Iterator[Window]:
    """A job is cancelled or paused during its call, and its worker dies."""
    held = {"mode": "hang", "when": "after"}
    for form in ("graph", "def"):
        for tool, resolved in (("blind", PERSON_LANDED), ("probed", PROBE_LANDED)):
            yield Window(
                id=f"cancel-call-{form}-{tool}", where="during a call of a job that is being cancelled", killed="worker",
                plot="call", form=form, tool=tool, verb="cancel", service=held, found=DOUBT,
                resolved=frozenset({resolved}), ends="cancelled",
            )  # fmt: skip
            yield Window(
                id=f"pause-call-{form}-{tool}", where="during a call of a paused job, resumed afterwards",
                killed="worker", plot="call", form=form, tool=tool, verb="pause", service=held, found=DOUBT,
                resolved=frozenset({resolved}),
            )  # fmt: skip
    for at in ("before_outcome:1", "before_commit:3", "after_commit:3"):
        told = at.startswith("after")
        yield Window(
            id=f"cancel-{at.partition(':')[0].replace('_', '-')}",
            where="at the outcome that ends a job that is being cancelled", killed="worker", plot="call", tool="probed",
            at=at, verb="cancel", service=held, found=frozenset() if told else DOUBT,
            resolved=frozenset({NOTHING_OPEN if told else PROBE_LANDED}), ends="cancelled",
        )  # fmt: skip
        yield Window(
            id=f"pause-{at.partition(':')[0].replace('_', '-')}", where="at the outcome of a call of a paused job",
            killed="worker", plot="call", tool="probed", at=at, verb="pause", service=held,
            found=frozenset() if told else DOUBT, resolved=frozenset({NOTHING_OPEN if told else PROBE_LANDED}),
        )  # fmt: skip
    yield Window(
        id="given-up-graph", where="during the call, and nobody can find out", killed="worker", plot="call",
        service=held, found=DOUBT, resolved=frozenset({PERSON_FAIL}), ends="failed",
    )  # fmt: skip


ANSWERS = (
    ("fail-before", "answers 500 and has done nothing", "fail", "before"),
    ("fail-after", "acts and answers 500", "fail", "after"),
    ("drop-before", "closes the connection and has done nothing", "drop", "before"),
    ("drop-after", "acts and closes the connection", "drop", "after"),
    ("tear-after", "acts and breaks off in the middle of its answer", "tear", "after"),
)
OF_AN_ANSWER = {
    ("blind", "before"): (frozenset({"outcome_unknown", "outcome_resolved"}), PERSON_ABSENT),
    ("blind", "after"): (frozenset({"outcome_unknown", "outcome_resolved"}), PERSON_LANDED),
    # Its caller lives: an absence that is not final proves nothing, so a person decides.
    ("probed", "before"): (frozenset({"outcome_unknown", "outcome_resolved"}), PERSON_ABSENT),
    ("probed", "after"): (frozenset({"outcome_unknown", "outcome_resolved"}), PROBE_LANDED),
    ("idempotent", "before"): (frozenset({"node_retry_scheduled"}), SAME_KEY),
    ("idempotent", "after"): (frozenset({"node_retry_scheduled"}), SAME_KEY),
}


def answers() -> Iterator[Window]:
    """Nobody dies but the answer."""
    for name, where, mode, when in ANSWERS:
        for tool in ("blind", "probed", "idempotent"):
            found, resolved = OF_AN_ANSWER[tool, when]
            yield Window(
                id=f"answer-{name}-{tool}", where=f"the service {where}", killed="the answer", plot="answer", tool=tool,
                service={"mode": mode, "when": when}, found=found, resolved=frozenset({resolved}),
            )  # fmt: skip


WINDOWS = (*sweeps(), *drains(), *asked_meanwhile(), *answers())
