"""What a job leaves to one that is born of it: its record up to a cut, and what has become of its calls since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .errors import Illegal
from .events import Fact
from .evolve import evolve
from .state import JobState

MODEL = "aetheris.llm"  # a model call costs, but changes nothing in the world
SURE = frozenset({"not_landed", "not_sent", "failed", "recalled"})  # this attempt has changed nothing


@dataclass(frozen=True, slots=True)
class Past:
    """A job's record, cut at one event.

    `then` and `facts` are the job up to the cut, `hash` is the hash of the event there; `now` is the job as it
    stands, and `calls` is what became of every call that was ever promised in it.
    """

    then: JobState
    now: JobState
    facts: tuple[Fact, ...]
    hash: str
    calls: Mapping[str, Sent]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the world may have seen of one call of a job.

    `state`: open (under way), landed, unknown (an attempt may have landed), absent (none has).
    """

    path: str
    invocation: str
    tool: str
    effect: str
    key: str
    business_key: str | None
    promise: Mapping[str, Any]
    state: str = "open"
    doubtful: bool = False  # an earlier attempt may have landed
    undone: bool = False
    undoes: bool = (
        False  # a compensation: made for the sake of the call that it undid, and never by a new job
    )

    @property
    def may_repeat(self) -> bool:
        """Whether the world may see the effect twice if the call is made under another key."""
        harmless = self.effect == "pure" or self.tool == MODEL or self.undone or self.undoes
        return not harmless and self.state != "absent"

    @property
    def same_key_repeats(self) -> bool:
        """Whether that may be so even under the same key, because nobody on the other side looks at it."""
        return self.may_repeat and self.effect != "idempotent" and self.state != "open"

    def to_json(self) -> dict[str, Any]:
        return {
            "invocation": self.invocation, "tool": self.tool, "node": self.path, "key": self.key,
            "business_key": self.business_key, "state": self.state,
        }  # fmt: skip


def read(job: str, record: Iterable[tuple[Fact, str]], at: int | None) -> Past:
    """Read a record once.

    Args:
        job: whose it is.
        record: its events from the first one on, each with its hash.
        at: the event to cut after; None: its end (the last event of a job that has not ended).

    Raises:
        Illegal: a body was erased; nothing can be taken over from what nobody can read.
    """
    now = then = JobState(job=job)
    facts: list[Fact] = []
    hash, open_yet = "", True
    sent: dict[str, Sent] = {}
    for fact, link in record:
        if fact.body.get("erased"):
            raise Illegal(
                f"job {job}: the body of event {fact.seq} was erased, so nothing can be taken over from it; submit a "
                "new job",
                code="payload_erased",
            )
        now = evolve(now, fact)
        _note(sent, fact)
        if open_yet:
            facts.append(fact)
            then, hash = now, link
            open_yet = not now.ended if at is None else fact.seq < at
    return Past(then, now, tuple(facts), hash, sent)


def _note(sent: dict[str, Sent], fact: Fact) -> None:
    """What an event says of a call."""
    if fact.type == "tool_invocation_started":
        _promised(sent, fact)
    elif fact.type == "compensation_finished":
        for each in [each for each in sent.values() if each.invocation == fact.body["compensates"]]:
            sent[each.path] = replace(each, undone=True)
    elif fact.node in sent:
        said = _told(fact)
        before = sent[fact.node]
        if said is not None and before.state != "landed":
            if before.effect == "transactional" and said == "unknown":
                said = "absent"  # its rows went with the outcome that was not written
            state = "unknown" if said == "absent" and before.doubtful else said
            sent[fact.node] = replace(before, state=state)


def _promised(sent: dict[str, Sent], fact: Fact) -> None:
    body, before = fact.body, sent.get(fact.node)
    rolled_back = body["effect"] == "transactional"
    doubtful = before is not None and before.state in ("open", "unknown") and not rolled_back
    sent[fact.node] = Sent(
        fact.node, body["invocation"], body["tool"], body["effect"], body["key"], body["business_key"],
        body, doubtful=doubtful, undoes="compensates" in body,
    )  # fmt: skip


def _told(fact: Fact) -> str | None:
    body = fact.body
    match fact.type:
        case "tool_invocation_finished":
            return (
                "landed" if body["status"] == "landed" else "absent" if body["status"] in SURE else "unknown"
            )
        case "late_outcome":
            return "landed" if body["status"] in ("landed", "unstorable") else None
        case "outcome_unknown":
            return "unknown"
        case "outcome_resolved":
            return {"landed": "landed", "absent": "absent"}.get(body["verdict"], "unknown")
    return None


@dataclass(frozen=True, slots=True)
class Carried:
    """What the new job takes over as it is: settled steps, and settled calls by path. The rest is attempted again."""

    steps: frozenset[str]
    calls: frozenset[str]


def carried(state: JobState, *, new_goal: bool = False) -> Carried:
    """What settled before the cut and was not what ended the job.

    Args:
        state: the job at the cut.
        new_goal: the new job has another goal, for which no approval has been given.
    """
    steps = frozenset(
        name for name, node in state.nodes.items() if not node.undoes and _settled(state, str(name))
    )
    counts = _counts(state)
    calls = frozenset(
        str(path) for path in state.calls if _answered(state, str(path), steps, counts, new_goal=new_goal)
    )
    return Carried(steps, calls)


def _on_error(state: JobState, name: str) -> str:
    spec = state.spec(state.nodes[name])
    return spec.on_error if spec is not None else "fail"


def _settled(state: JobState, name: str) -> bool:
    """Whether a step's end stands; a failure that ends the job does not, nor does an item that was left behind."""
    node = state.nodes[name]
    if node.parent:
        return node.status == "done" or (node.status == "failed" and _tolerated(state, name))
    if node.status == "failed":
        return _on_error(state, name) != "fail"
    return node.status in ("done", "rejected", "skipped")


def _tolerated(state: JobState, item: str) -> bool:
    """Whether the failure of an item stands: its map bears it, or it cannot be attempted again."""
    parent = state.nodes[state.nodes[item].parent]
    if parent.status == "done" or (parent.status == "failed" and _on_error(state, parent.id) != "fail"):
        return True
    spec = state.spec(parent)
    tolerate = int(spec.spec["tolerate"]) if spec is not None else 0
    return parent.failed <= tolerate or (_barred(state, item) and _barred_items(state, parent.id) <= tolerate)


def _barred(state: JobState, path: str) -> bool:
    asked = state.calls.get(path)
    return asked is not None and bool(asked.info.get("barred"))


def _barred_items(state: JobState, name: str) -> int:
    return sum(_barred(state, f"{name}/{index}") for index in range(state.nodes[name].count))


def _answered(
    state: JobState, path: str, steps: frozenset[str], counts: Mapping[str, int], *, new_goal: bool
) -> bool:
    asked = state.calls[path]
    if not asked.settled or asked.kind == "compensation" or _withdrawn(state, path):
        return False
    if path in state.nodes:
        return path in steps or asked.status == "done"
    if asked.node in steps:
        return True
    if new_goal and asked.kind == "approval":
        return False
    return asked.status == "done" or not _ended_its_step(state, path, counts)


def _withdrawn(state: JobState, path: str) -> bool:
    votes = state.votes.get(path, ())
    return bool(votes) and votes[-1]["effect"] == "withdrawn"


def _ended_its_step(state: JobState, path: str, counts: Mapping[str, int]) -> bool:
    """Whether a failed call is what the function stopped at: the step's error names it, or nothing came after it."""
    error = state.nodes[state.calls[path].node].error or {}
    if error.get("path") == path:
        return True
    return not any(counts[scope] > number for scope, number in _places(state, path))


def _counts(state: JobState) -> dict[str, int]:
    """The last number that each function body has given out: of the step, of each arm of a gather."""
    counts: dict[str, int] = {}
    for path in state.calls:
        for scope, number in _places(state, str(path)):
            counts[scope] = max(number, counts.get(scope, 0))
    return counts


def _places(state: JobState, path: str) -> Iterator[tuple[str, int]]:
    """The place of a call in its scope, and those of the gathers around it in theirs."""
    if path in state.nodes:
        return
    parts = path.split("/")
    for place in range(1, len(parts), 2):
        if parts[place].isdigit():
            yield "/".join(parts[:place]), int(parts[place])
