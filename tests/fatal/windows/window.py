"""What one crash window is, and the words in which it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The tool that pays, by what it declares. The last two differ in what the other side makes of a repeated key.
TOOLS = {
    "blind": "fatal.pay",
    "probed": "fatal.pay_probed",
    "brief": "fatal.pay_briefly",
    "idempotent": "fatal.pay_keyed",
    "pure": "fatal.see",
    "capable": "fatal.pay_in_the_vault",
    "transactional": "fatal.enrol",
    "confirmed": "fatal.pay_doubted",
    "undone": "fatal.buy",
    "undone_probed": "fatal.buy_probed",
    "undone_keyed": "fatal.buy_keyed",
}
DECLARED = {
    "blind": "`at_most_once`",
    "probed": "`at_most_once` with a probe",
    "brief": "`at_most_once` with a probe, 1 s",
    "idempotent": "`idempotent`",
    "pure": "`pure`",
    "capable": "`at_most_once`, `requires`",
    "transactional": "`transactional`",
    "confirmed": "`at_most_once` with a probe, confirmed",
    "undone": "`at_most_once`, undone likewise",
    "undone_probed": "`at_most_once` with a probe, undone likewise",
    "undone_keyed": "`idempotent`, undone likewise",
}

# What a history says of a fault. Everything else in it is the ordinary course of a job.
TRACES = frozenset(
    {"lease_lost", "outcome_unknown", "outcome_resolved", "late_outcome", "node_retry_scheduled"}
)

# How what was found came right.
NOTHING_OPEN = "nothing was open"
TAKEN_OVER = "the step is taken over"
RUN_AGAIN = "the `pure` call is made again"
SAME_KEY = "called again with the same key"
ROLLED_BACK = "rolled back; the `transactional` call is made again"
PROBE_LANDED = "the probe: landed"
PROBE_ABSENT = "the probe: absent; called again"
LATE_LANDED = "its own late word: landed"
LATE_ABSENT = "its own late word: not sent; called again"
PERSON_LANDED = "a person: landed"
PERSON_ABSENT = "a person: absent; called again"
PERSON_FAIL = "a person: given up"
BY_A_PERSON = frozenset({PERSON_LANDED, PERSON_ABSENT, PERSON_FAIL})


@dataclass(frozen=True)
class Window:
    """One moment at which a process dies, or stands still, and how it must end.

    Args:
        id: its name in tests and papers.
        where: the moment, in words.
        killed: which process, in words.
        plot: how it is played (`tests.fatal.windows.plots`).
        form: the agent, without `fatal-`.
        tool: the kind of tool that pays, of `TOOLS`.
        at: the crash point, as AETHERIS_CRASH; empty: killed from outside.
        first: for a process that cleans up after another: where that one died.
        verb: what is asked of the job meanwhile.
        on_failure: what the job does about what it did, when it fails.
        service: how the payment service behaves until the process is dead.
        slots: threads of the worker.
        found: the traces that must be there, and no others but `may`.
        may: traces that depend on which of several threads was where.
        resolved: how it came right, exactly; `perhaps` again for what threads decide.
        effects: how often each effect happened, at the end.
        calls: how many calls arrived for each, where the other side makes one effect of several; else as `effects`.
        ends: the job's status then.
    """

    id: str
    where: str
    killed: str
    plot: str
    form: str = "graph"
    tool: str = "blind"
    at: str = ""
    first: str = ""
    verb: str = ""
    on_failure: str = "fail"
    service: Mapping[str, str] = field(default_factory=dict)
    slots: int = 1
    found: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset({NOTHING_OPEN})
    perhaps: frozenset[str] = frozenset()
    effects: tuple[int, ...] = (1,)
    calls: tuple[int, ...] | None = None
    ends: str = "completed"

    @property
    def point(self) -> str:
        """The name of its crash point; empty if it has none."""
        return self.at.partition(":")[0]

    @property
    def goal(self) -> dict[str, str]:
        """What the job is asked."""
        return {"tool": TOOLS[self.tool]}

    @property
    def dedupes(self) -> bool:
        """Whether the other side honours the key."""
        return self.tool in ("idempotent", "undone_keyed")

    @property
    def asks_a_person(self) -> bool:
        """Whether a person has to say what became of a call."""
        return bool((self.resolved | self.perhaps) & BY_A_PERSON)
