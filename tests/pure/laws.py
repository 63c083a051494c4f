"""The laws of the core, each a function from a story to the first breach, or None (design: L2, L4, L6, E1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from jobs.core.chain import canonical
from jobs.core.events import AFTERWORDS, KINDS, TERMINALS, Fact
from jobs.core.evolve import fold
from jobs.core.parked import parked_on
from jobs.core.state import Asked, JobState
from tests.pure.story import Story

# What somebody has to say of an at_most_once call before it may be promised again.
RELEASED = frozenset({"not_landed", "not_sent", "absent"})
WAKERS = {
    "signal": "the verb", "message": "the verb", "approval": "the verb", "timer": "the sweep",
    "child": "a delivery", "effect": "a delivery", "unknown_outcome": "a resolution",
    "world": "the sweep, or a word", "version": "a registration", "capability": "a registration", "agent": "a delivery",
}  # fmt: skip


def the_fold_of_the_facts_is_the_state(story: Story) -> str | None:
    """L1: what is derived can be derived again."""
    folded = fold(story.facts, JobState(job=story.job))
    return None if folded == story.state else "the fold differs from the state that decide returned"


def numbers_have_no_gap_and_time_never_goes_back(story: Story) -> str | None:
    """L2, L5."""
    for number, fact in enumerate(story.facts, start=1):
        if fact.seq != number:
            return f"event {fact.seq} stands in place {number}"
        if number > 1 and fact.at < story.facts[number - 2].at:
            return f"event {number} is older than the one before it"
    return None


def every_body_is_what_its_kind_says(story: Story) -> str | None:
    """L2: a closed set of kinds, each with its documented body."""
    for fact in story.facts:
        kind = KINDS.get(fact.type)
        if kind is None:
            return f"event {fact.seq} is of kind {fact.type}"
        if not kind.required <= set(fact.body) <= kind.allowed:
            return f"event {fact.seq}, {fact.type}, has the members {sorted(fact.body)}"
        canonical(fact.body)
    return None


def nothing_but_afterwords_follows_the_end(story: Story) -> str | None:
    """L2: created first, one terminal event, then only afterwords."""
    types = [fact.type for fact in story.facts]
    ends = [number for number, type in enumerate(types) if type in TERMINALS]
    if types[0] != "job_created" or types.count("job_created") != 1 or len(ends) > 1:
        return f"it begins with {types[0]} and has {len(ends)} ends"
    after = set(types[ends[0] + 1 :]) - AFTERWORDS if ends else set()
    if story.state.ended != bool(ends):
        return f"its phase is {story.state.phase}, its ends are {len(ends)}"
    return f"after the end came {sorted(after)}" if after else None


def no_job_ends_beside_a_promise(story: Story) -> str | None:
    """L6: neither an open nor an unknown promise stands at the terminal event."""
    for before, fact in _with_state_before(story):
        standing = [path for path, asked in before.calls.items() if asked.blocks_the_end]
        if fact.type in TERMINALS and standing:
            return f"event {fact.seq}, {fact.type}, stands beside {standing}"
        if before.busy != len(standing):
            return f"before event {fact.seq} it counts {before.busy} promises, {standing} stand"
    return None


def no_step_settles_beside_its_own_promise(story: Story) -> str | None:
    """L6: what a step asked of the world is known when the step ends."""
    for told in story.told:
        for node in told.after.nodes.values() if told.after else ():
            owed = [path for path in node.open if told.after and told.after.calls[path].blocks_the_end]
            if owed and node.status not in ("running", "parked", "ready", "backoff"):
                return f"step {node.id} is {node.status} beside {owed}"
    return None


def a_refusal_changes_nothing(story: Story) -> str | None:
    """A refused wish leaves no fact and no trace."""
    states = [told.before for told in story.told] + [story.state]
    for told, following in zip(story.told, states[1:], strict=True):
        if told.refusal is not None and (told.facts or following is not told.before):
            return f"{told.wish} was refused and changed the job"
        if told.refusal is None and told.after is not following:
            return f"{told.wish} led to another state than the next wish met"
    return None


def a_stale_fence_yields_no_fact(story: Story) -> str | None:
    """L4: only the latest claim writes about its step, except as late evidence."""
    for told in story.told:
        fence, node = getattr(told.wish, "fence", 0), getattr(told.wish, "node", "")
        late = (
            all(fact.type == "late_outcome" for fact in told.facts)
            or type(told.wish).__name__ == "LateOutcome"
        )
        if fence and node and told.facts and not late and told.before.claim(node, fence) is None:
            return f"{told.wish} wrote {[fact.type for fact in told.facts]} under a stale fence"
    return None


def parked_means_waiting_for_something_that_can_come(story: Story) -> str | None:
    """A status that waits for nothing cannot be represented; every kind has its waker."""
    for told in story.told:
        state = told.after
        if state is None or state.ended:
            continue
        agenda = {state.nodes[name].status for name in state.agenda}
        if (state.status == "parked") != (agenda == {"parked"} and not state.paused):
            return f"it is {state.status}, its steps are {agenda} after {told.wish}"
        waits = parked_on(state)
        steps = {str(wait["node"]).partition("/")[0] for wait in waits}
        for name in state.agenda:
            if state.nodes[name].status == "parked" and name.partition("/")[0] not in steps:
                return f"step {name} is parked on nothing after {told.wish}"
        if strange := [wait for wait in waits if wait["kind"] not in WAKERS]:
            return f"nobody wakes {strange}"
    return None


def an_open_job_is_never_without_anything_to_do(story: Story) -> str | None:
    """No job is stuck: an unfinished one has a step on its agenda, or was paused before a step was treated."""
    for told in story.told:
        state = told.after
        if state is not None and not state.ended and not state.agenda and not state.paused:
            return f"it is {state.phase} with an empty agenda after {told.wish}"
    return None


def what_may_have_happened_is_not_called_again(story: Story) -> str | None:
    """E1, E4: an at_most_once call is promised again only when its last attempt certainly did nothing."""
    last: dict[str, str] = {}
    for fact in story.facts:
        path = fact.node
        if fact.type == "tool_invocation_started":
            if fact.body["effect"] == "at_most_once" and last.get(path, "absent") not in RELEASED:
                return f"event {fact.seq} promises {path} again after {last[path]}"
            last[path] = "promised"
        elif fact.type in ("tool_invocation_finished", "outcome_unknown", "outcome_resolved"):
            last[path] = str(fact.body.get("status") or fact.body.get("verdict") or "unknown")
    return None


def every_key_is_the_same_at_every_attempt(story: Story) -> str | None:
    """E2: a take-over sends the same idempotency key."""
    keys: dict[str, set[object]] = {}
    for fact in story.facts:
        if fact.type == "tool_invocation_started":
            keys.setdefault(fact.node, set()).add((fact.body["key"], fact.body["invocation"]))
    split = sorted(path for path, found in keys.items() if len(found) > 1)
    return f"{split} have several keys" if split else None


def whoever_waits_for_a_time_has_it_on_the_agenda(story: Story) -> str | None:
    """L5: a step that is parked with a deadline is looked at then; a running one when its call's time is over."""
    for told in story.told:
        state = told.after
        for name in state.agenda if state else ():
            assert state is not None
            node = state.nodes[name]
            times = [state.calls[path].wake_at for path in node.open]
            first = min((time for time in times if time), default=None)
            held = node.hold is not None and node.hold[0] == "world"  # it has a time of its own
            if node.status == "parked" and node.wake_at != first and not held:
                return f"step {name} is looked at {node.wake_at}, due at {first}, after {told.wish}"
            if node.status == "backoff" and node.wake_at is None:
                return f"step {name} is in back-off for ever after {told.wish}"
    return None


def what_landed_last_is_undone_first_and_one_at_a_time(story: Story) -> str | None:
    """E8: in the reverse order of landing, the next only after the last is over, and nothing beside a promise."""
    pile: list[str] = []
    under_way = ""
    for before, fact in _with_state_before(story):
        if _lands(before, fact):
            pile.append(fact.node)
        elif fact.type in ("world_diverged", "world_confirmed") and not before.ended:
            _seen(pile, before, fact)
        elif fact.type == "command_emitted" and fact.body["command"] == "compensation":
            if under_way or before.busy or before.phase == "open" or not before.compensates:
                return f"event {fact.seq} undoes {fact.body['call']} too early"
            if fact.body["call"] != pile.pop():
                return f"event {fact.seq} undoes {fact.body['call']}, which did not land last"
            under_way = fact.node
        elif fact.type in ("compensation_finished", "compensation_failed"):
            if fact.node != under_way:
                return f"event {fact.seq} ends {fact.node}, not {under_way}"
            under_way = ""
        elif fact.type in TERMINALS and before.compensates and (pile or under_way):
            return f"it ends beside {[*pile, under_way]}, which is not undone"
    return None


def _seen(pile: list[str], before: JobState, fact: Fact) -> None:
    """What the world shows no more is not undone; what it shows again is."""
    if fact.type == "world_diverged" and fact.node in pile:
        pile.remove(fact.node)
    elif fact.type == "world_confirmed" and before.calls[fact.node].info.get("diverged"):
        pile += [fact.node] if before.calls[fact.node].info.get("compensation") else []


def _lands(before: JobState, fact: Fact) -> bool:
    said = (fact.type, fact.body.get("status") or fact.body.get("verdict"))
    if said not in (("tool_invocation_finished", "landed"), ("outcome_resolved", "landed")):
        return False
    return bool(before.calls[fact.node].info.get("compensation"))


def the_end_tells_what_was_undone_and_what_was_not(story: Story) -> str | None:
    """E8: of a job that compensates, every effect that happened or may have is named once."""
    end = next((fact for fact in story.facts if fact.type in ("job_failed", "job_cancelled")), None)
    if end is None or not story.state.compensates:
        return None if end is None or "compensation" not in end.body else "it reports what it never undertook"
    told = end.body["compensation"]
    undone = {fact.body["call"] for fact in story.facts if fact.type == "compensation_finished"}
    failed = {fact.body["call"] for fact in story.facts if fact.type == "compensation_failed"}
    if {each["node"] for each in told["undone"]} != undone:
        return f"undone are {sorted(undone)}, it says {told['undone']}"
    left = {each["node"]: each["reason"] for each in told["not_undone"]}
    if failed != {path for path, reason in left.items() if reason == "failed"}:
        return f"not undone are {sorted(failed)}, it says {left}"
    lasting = {path for path, asked in story.state.calls.items() if asked.landed and _matters(asked)}
    silent = lasting - set(left)
    return f"it says nothing of {sorted(silent)}" if silent or undone & set(left) else None


def _matters(asked: Asked) -> bool:
    return asked.info.get("effect") != "pure" and asked.kind == "tool"


def once_a_job_ends_only_probes_and_compensations_start(story: Story) -> str | None:
    """L6: failing and cancelling start nothing new."""
    for before, fact in _with_state_before(story):
        started = fact.type == "node_started" and fact.body["reason"] != "probe"
        if started and before.phase != "open" and before.nodes[fact.node].kind != "compensation":
            return f"event {fact.seq} starts {fact.node} in a job that is {before.phase}"
    return None


def nothing_starts_before_the_world_was_asked(story: Story) -> str | None:
    """E7: a job that has waited claims nothing while one of its landed effects is in doubt."""
    waited: set[str] = set()
    rested = False
    for before, fact in _with_state_before(story):
        if fact.type == "node_started" and waited and before.phase == "open":
            return f"event {fact.seq} starts {fact.node} while {sorted(waited)} are in doubt"
        waits = {before.nodes[name].hold for name in before.agenda if before.nodes[name].status == "parked"}
        resting = before.phase == "open" and 0 < len(before.agenda) and _all_parked(before)
        resting = resting and "limit" not in {hold[0] for hold in waits if hold is not None}
        if resting and not rested:
            waited |= set(before.standing)
        rested = resting
        if fact.type in ("world_confirmed", "world_diverged"):
            waited.discard(fact.node)
    return None


def _all_parked(state: JobState) -> bool:
    return {state.nodes[name].status for name in state.agenda} == {"parked"}


def _with_state_before(story: Story) -> Iterator[tuple[JobState, Fact]]:
    state = JobState(job=story.job)
    for fact in story.facts:
        yield state, fact
        state = fold([fact], state)


LAWS: tuple[Callable[[Story], str | None], ...] = (
    the_fold_of_the_facts_is_the_state,
    numbers_have_no_gap_and_time_never_goes_back,
    every_body_is_what_its_kind_says,
    nothing_but_afterwords_follows_the_end,
    no_job_ends_beside_a_promise,
    no_step_settles_beside_its_own_promise,
    a_refusal_changes_nothing,
    a_stale_fence_yields_no_fact,
    parked_means_waiting_for_something_that_can_come,
    an_open_job_is_never_without_anything_to_do,
    what_may_have_happened_is_not_called_again,
    every_key_is_the_same_at_every_attempt,
    whoever_waits_for_a_time_has_it_on_the_agenda,
    what_landed_last_is_undone_first_and_one_at_a_time,
    the_end_tells_what_was_undone_and_what_was_not,
    nothing_starts_before_the_world_was_asked,
    once_a_job_ends_only_probes_and_compensations_start,
)
