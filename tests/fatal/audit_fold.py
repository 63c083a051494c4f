"""The auditor's own fold: what a job is after its events, by rules that are written here a second time.

It shares no line with the runtime. Where both agree on every row of every job, one of them would have to be wrong
in the same way twice.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.fatal.audit_books import Event
from tests.fatal.audit_plan import inputs_of, nodes_of
from tests.fatal.audit_story import ENDS, Call, Step, Story

HELD = {"version", "capability", "effect", "limit", "agent", "world"}
WAITS = {"signal", "message", "timer", "child", "approval"}
PHASES = {
    "job_failing": "failing", "job_cancelling": "cancelling", "job_completed": "completed",
    "job_failed": "failed", "job_cancelled": "cancelled",
}  # fmt: skip


def fold(events: list[Event]) -> Story:
    """The whole story."""
    story = Story()
    for event in events:
        TELLS.get(event.kind, _nothing)(story, event)
    if story.phase == "open":
        story.ready_now()
    return story


def _nothing(story: Story, event: Event) -> None:
    """A kind that moves no row: letters, snapshots, afterwords."""


def _turned(story: Story, event: Event) -> None:
    story.phase, story.paused = PHASES[event.kind], False
    owed = [call.path for call in story.calls.values() if call.owes]
    if story.phase in ENDS and owed:
        story.broken.append(f"it ended while {', '.join(owed)} was open or unknown")


def _created(story: Story, event: Event) -> None:
    story.created = event


def _planned(story: Story, event: Event) -> None:
    story.plan, story.requires = nodes_of(event.body["plan"]), event.body["requires"]
    story.inputs = inputs_of(story.plan)
    story.steps |= {name: Step(name, node["kind"]) for name, node in story.plan.items()}


def _asked(story: Story, event: Event) -> None:
    body = event.body
    if body["command"] == "map":
        step = story.steps[event.node]
        step.status, step.count = "running", body["count"]
        for index in range(step.count):
            item = f"{step.name}/{index}"
            story.steps[item] = Step(item, "tool", parent=step.name)
        story.launch(step)
        return
    if body["command"] == "compensation":
        _undo(story, event)
    waits = body["command"] in WAITS
    sent = body["command"] == "send" and "job" in body["args"]  # a message leaves, and is answered at once
    story.calls[event.node] = Call(
        event.node, body["command"], body["name"], body["args"], "waiting" if waits else "done" if sent else "again",
        wake=body["args"].get("due") if waits else None,
    )  # fmt: skip


def _undo(story: Story, event: Event) -> None:
    """One at a time, beside no promise, and what landed last is undone first."""
    call = event.body["call"]
    beside = [each.path for each in story.calls.values() if each.owes]
    beside += [step.name for step in story.listed() if step.undoes]
    if story.phase not in ("failing", "cancelling") or beside:
        story.broken.append(
            f"event {event.seq} undoes {call} in a job that is {story.phase}, beside {beside}"
        )
    if story.pile[-1:] != [call]:
        story.broken.append(f"event {event.seq} undoes {call}, which did not land last of what is left")
    story.pile = [path for path in story.pile if path != call]
    story.steps[event.node] = Step(event.node, "compensation", "ready", undoes=call)


def _landed(story: Story, call: Call) -> None:
    if call.undoable and call.effect != "pure":
        story.pile.append(call.path)


def _promised(story: Story, event: Event) -> None:
    body, call = event.body, story.calls[event.node]
    call.status, call.effect, call.invocation = "open", body["effect"], body["invocation"]
    call.deadline = call.wake = body["deadline"]
    call.undoable, call.requires = bool(body.get("compensation")), list(body.get("requires", ()))


def _told(story: Story, event: Event) -> None:
    call = story.calls[event.node]
    kept = event.body["status"] in ("landed", "recalled") and "unstorable" not in event.body
    call.status, call.wake = "done" if kept else "again", None
    if event.body["status"] == "landed":
        _landed(story, call)


def _committed(story: Story, event: Event) -> None:
    call = story.calls.get(event.node)
    if call is not None and call.open and event.body["outcome"] == "failed":
        call.status = "failed"


def _unknown(story: Story, event: Event) -> None:
    call = story.calls[event.node]
    call.status, call.wake = "unknown", event.body.get("wake_at")


def _resolved(story: Story, event: Event) -> None:
    call, verdict = story.calls[event.node], event.body["verdict"]
    call.status, call.wake = "done" if verdict == "landed" else "again", None
    if verdict == "landed":
        _landed(story, call)
    if verdict == "absent" or event.node not in story.steps:
        story.wake(event.node)


def _read(story: Story, event: Event) -> None:
    story.calls[event.node] = Call(event.node, event.body["kind"], "", None, "done")


def _completed(story: Story, event: Event) -> None:
    call = story.calls.get(event.node)
    if call is not None and call.status == "waiting":
        fails = event.body["timed_out"] and (call.args or {}).get("on_timeout") == "fail"
        call.status, call.wake = "failed" if fails else "done", None
    story.wake(event.node)


def _rang(story: Story, event: Event) -> None:
    story.calls[event.node].status = "done"
    story.wake(event.node)


def _child_ended(story: Story, event: Event) -> None:
    story.calls[event.node].status = "done" if event.body["status"] == "completed" else "failed"
    story.wake(event.node)


def _question(story: Story, event: Event) -> None:
    call = story.calls[event.node]
    call.approval, call.wake = event.body["approval"], event.body["deadline"]


def _voted(story: Story, event: Event) -> None:
    call = story.calls[event.node]
    if event.body["effect"] in ("escalated", "withdrawn"):
        call.wake = None
    if event.body["effect"] == "withdrawn":
        call.status = "failed"


def _started(story: Story, event: Event) -> None:
    step = story.steps[event.node]
    if step.status == "running":
        story.broken.append(f"event {event.seq} claims step {step.name}, which is claimed already")
    if event.seq <= step.fence:
        story.broken.append(f"event {event.seq}: the fence of step {step.name} does not increase")
    story.begun = True
    step.status, step.fence, step.hold = "running", event.seq, None
    step.worker, step.attempt = event.body["worker"], event.body["attempt"]


def _parked(story: Story, event: Event) -> None:
    step, body = story.owner(event.node), event.body
    if body["kind"] in HELD:
        step.hold = body["kind"], body["name"]
    wakes = [body.get("wake_at"), story.first_wake(step) if body["kind"] == "world" else None]
    step.status, step.worker = "parked", ""
    step.wake = min((each for each in wakes if each), default=None)


def _seen(story: Story, event: Event) -> None:
    """What the world shows no more is not undone; what it shows again is, and first."""
    call = story.calls[event.node]
    if story.phase in ("completed", "failed", "cancelled"):
        return
    gone = event.kind == "world_diverged"
    if gone or call.gone:
        story.pile = [path for path in story.pile if path != call.path]
        story.pile += [call.path] if call.undoable and not gone else []
    call.gone = gone


def _finished(story: Story, event: Event) -> None:
    story.settle(story.steps[event.node], "rejected" if event.body["outcome"] == "rejected" else "done")


def _failed(story: Story, event: Event) -> None:
    call = story.calls.get(event.node)
    if call is not None and call.open:
        call.status, call.wake = "failed", None
    step = story.steps[event.node]
    step.hold = None
    story.settle(step, "failed")


def _skipped(story: Story, event: Event) -> None:
    story.settle(story.steps[event.node], "skipped")


def _again(story: Story, event: Event) -> None:
    when, call = event.body["wake_at"], story.calls.get(event.node)
    if call is not None and call.open:
        call.status, call.wake = "backoff", when
    failed = story.calls.get(event.body.get("call", ""))
    if failed is not None:
        failed.status = "again"
    step = story.steps.get(event.node)
    if step is not None:
        step.status, step.worker = "backoff", ""
        step.wake = min(when, story.first_wake(step) or when)
        story.rest(step)


def _lost(story: Story, event: Event) -> None:
    step = story.steps[event.node]
    for call in story.calls_of(step):
        if call.status == "open" and call.effect != "at_most_once":
            call.status, call.wake = "lost", None
    step.status, step.worker, step.wake = "ready", "", None
    story.rest(step)


def _paused(story: Story, event: Event) -> None:
    story.paused = event.kind == "job_paused"


TELLS: dict[str, Callable[[Story, Event], None]] = {
    "job_created": _created, "plan_generated": _planned, "command_emitted": _asked,
    "tool_invocation_started": _promised, "tool_invocation_finished": _told, "command_committed": _committed,
    "outcome_unknown": _unknown, "outcome_resolved": _resolved, "effect_recorded": _read,
    "wait_completed": _completed, "timer_fired": _rang, "child_finished": _child_ended,
    "approval_requested": _question, "approval_decided": _voted, "node_started": _started,
    "job_parked": _parked, "node_finished": _finished, "node_failed": _failed, "node_skipped": _skipped,
    "node_retry_scheduled": _again, "lease_lost": _lost, "world_confirmed": _seen, "world_diverged": _seen, "job_paused": _paused, "job_resumed": _paused,
    **dict.fromkeys(PHASES, _turned),
}  # fmt: skip
