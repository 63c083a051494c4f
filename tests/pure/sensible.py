"""Sensible wishes: what workers, people and the sweep would ask of a job in its present state."""

from __future__ import annotations

from collections.abc import Iterator

from jobs.core.commands import (
    SYSTEM,
    Accept,
    AdoptPlan,
    Answer,
    AwaitEffect,
    Call,
    Cancel,
    Command,
    Confirm,
    Due,
    EndChild,
    FailCall,
    FailNode,
    FinishNode,
    Hold,
    LateOutcome,
    LoseLease,
    Outcome,
    Pause,
    Recall,
    Record,
    RefuseNode,
    Release,
    Resume,
    Seen,
    SendMessage,
    SendSignal,
    StartNode,
    TakeTurn,
    Tell,
    Unhold,
    Vote,
)
from jobs.core.state import ONE_CALL, Asked, Node
from tests.pure.story import ASKER, LINES, PEOPLE, PERSON, WORKER, Story

LANDED = Outcome("landed", {"n": 5, "list": [1, 2]}, seconds=0.25, citations=({"doc": "D-1"},))
ERROR = {"class": "ToolError", "message": "the other side said no"}
OUTCOMES = (
    LANDED, LANDED, LANDED, Outcome("not_landed", error=ERROR), Outcome("raised", error=ERROR),
    Outcome("timeout", error=ERROR), Outcome("not_sent"), Outcome("raised", error=ERROR, permanent=True),
    Outcome("unstorable", {"type": "object", "size": 9, "digest": "d", "reason": "too large"}),
    Outcome("not_landed", error=ERROR, retry_after=9.0),
)  # fmt: skip
AMISS = (LANDED, *(OUTCOMES[number] for number in (3, 3, 4, 4, 5)))


def common_wishes(story: Story) -> list[Command]:
    """Everything that somebody would rightly ask for now."""
    state = story.state
    found: list[Command] = []
    for name in sorted(state.agenda):
        node = state.nodes[name]
        found += {"running": _running, "parked": _parked}.get(node.status, _idle)(story, node)
    if state.paused:
        found += [Resume(ASKER)] * 2
    return found


def rare_wishes(story: Story) -> list[Command]:
    """What happens now and then, in any state."""
    found: list[Command] = [
        Cancel(ASKER, "not needed", story.pick((None, None, True, False))), Pause(ASKER, "look"), SendSignal("go", {"n": 1}, story.letter(), ASKER),
        SendMessage("in", "hello", story.letter(), ASKER, {"job": "x"}),
    ]  # fmt: skip
    if story.state.phase == "failing" or _backing_off(story):
        found += [Cancel(ASKER, "not needed")] * 12
    for asked in _calls(story):
        if asked.path in story.state.standing:
            found += [Confirm((Seen(asked.path, holds),), PERSON) for holds in (True, False, None)]
        if "tool" in asked.info:
            found += [LateOutcome(asked.path, asked.attempt, asked.fence, each) for each in OUTCOMES[:5]]
    for name in sorted(story.state.agenda):
        node = story.state.nodes[name]
        if node.status == "ready":
            found += [Hold(name, "version", "helper@1"), RefuseNode(name, WORKER, {"code": "bad_arguments"})]
    return found


def _calls(story: Story) -> Iterator[Asked]:
    return (asked for _, asked in sorted(story.state.calls.items()))


def _backing_off(story: Story) -> bool:
    nodes = [story.state.nodes[name] for name in story.state.agenda]
    return any(node.status == "backoff" and _unsettled(story, node, "unknown") for node in nodes)


def _unsettled(story: Story, node: Node, *statuses: str) -> list[Asked]:
    calls = [story.state.calls[path] for path in sorted(node.open)]
    return [asked for asked in calls if asked.status in statuses]


def _in_doubt(story: Story, node: Node) -> Iterator[Command]:
    """A worker asks the world before it goes on; a person accepts what it says."""
    if story.state.doubts:
        yield from (story.seen(node.id, True),) * 4
        yield from (story.seen(node.id, answer) for answer in (False, None))
        yield story.seen(node.id, True, False)
    if node.hold is not None and node.hold[0] == "world":
        paths = [path for path in sorted(story.state.standing) if _named(story, path) == node.hold[1]]
        yield from (Accept(path, PERSON, "it is well") for path in paths)
        yield from (Confirm((Seen(path, holds),), PERSON) for path in paths for holds in (True, False))


def _named(story: Story, path: str) -> str:
    return str(story.state.calls[path].info["invocation"])


def _idle(story: Story, node: Node) -> Iterator[Command]:
    """A ready step is claimed; one in back-off when its time has come, unless an answer comes before."""
    yield from _in_doubt(story, node)
    if node.status == "backoff":
        for asked in _unsettled(story, node, "waiting"):
            yield from _letters(story, asked)
        for asked in _unsettled(story, node, "unknown"):
            yield from _answers(asked, 0)
        yield Due(node.id)
        story.wait_until(node.wake_at if story.pick((0, 1)) else None)
    if _unsettled(story, node, "unknown"):
        yield StartNode(node.id, WORKER, alone=node.suspect)
        return
    promise = story.promise_of(node)
    yield from (StartNode(node.id, WORKER, promise, alone=node.suspect),) * 3
    if promise is not None and not node.undoes:
        source, holder = {"job": "j2", "invocation": "i2"}, {"invocation": "i2"}
        yield Recall(node.id, WORKER, node.id, 0, promise, {"n": 7}, source)
        yield AwaitEffect(node.id, WORKER, node.id, 0, promise, holder)


def _running(story: Story, node: Node) -> Iterator[Command]:
    if node.kind == "plan":
        yield from (AdoptPlan(node.fence, story.plan),) * 6
        yield FailNode(node.id, node.fence, {"code": "planner_failed", "message": "no"})
    for asked in _unsettled(story, node, "open"):
        outcomes = OUTCOMES if story.lines is LINES else AMISS
        yield from (Tell(node.id, node.fence, asked.path, asked.attempt, each) for each in outcomes)
        story.wait_until(asked.wake_at if not story.pick(range(8)) else None)
    for asked in _unsettled(story, node, "unknown"):
        yield from _answers(asked, node.fence)
    if node.kind in ONE_CALL and _unsettled(story, node, "again", "lost"):
        promise = story.promise_of(node)
        yield Call(node.id, node.fence, node.id, node.kind, promise.tool if promise else "", {}, promise)
    if node.kind == "workflow":
        yield from _function(story, node)
    yield Due(node.id)
    yield LoseLease(node.id, node.fence, "worker_dead", known_dead=bool(story.pick((0, 1))))


def _answers(asked: Asked, fence: int) -> Iterator[Command]:
    by = PERSON if not fence else SYSTEM
    yield Answer(asked.path, "landed", by, {"seen": 1}, {"n": 5}, fence=fence)
    yield Answer(asked.path, "absent", by, fence=fence, comment="nothing there")
    if fence:
        yield Answer(asked.path, "unknown", by, fence=fence)
        yield Answer(asked.path, "absent", by, fence=fence, accepted=False)
    else:
        yield Answer(asked.path, "fail", by)


def _function(story: Story, node: Node) -> Iterator[Command]:
    """A workflow asks for what its program holds, and ends or parks when it can go no further."""
    paths = [f"{node.id}/{number}" for number in range(len(story.program(node.id)))]
    known = [story.state.calls[path] for path in paths if path in story.state.calls]
    for path in paths:
        call = story.call(node, path)
        asked = story.state.calls.get(path)
        if asked is None or (call.promise and asked.status in ("again", "lost", "backoff")):
            yield from (call,) * 3
            yield from _instead(node, call)
    failed = [asked.path for asked in known if asked.status == "failed"]
    yield FailNode(node.id, node.fence, ERROR, retryable=True, path=failed[0] if failed else "")
    yield Record(node.id, node.fence, ((f"{node.id}/9", "now", story.now),))
    if len(known) == len(paths) and all(asked.settled for asked in known):
        delta = {"set": {"seen": story.now}, "drop": ["old"]}
        yield from (FinishNode(node.id, node.fence, {"n": 4, "list": [3]}, delta),) * 4
    blocked = tuple(asked.path for asked in known if asked.status in ("waiting", "unknown", "backoff"))
    if blocked and not _unsettled(story, node, "open"):
        yield from (Release(node.id, node.fence, blocked),) * (4 if len(blocked) == 1 else 12)


def _instead(node: Node, call: Call) -> Iterator[Command]:
    """What becomes of a call whose business key somebody else holds."""
    if call.promise is not None:
        source, holder = {"job": "j2", "invocation": "i2"}, {"invocation": "i2"}
        yield Recall(node.id, WORKER, call.path, node.fence, call.promise, {"n": 7}, source, call)
        yield AwaitEffect(node.id, WORKER, call.path, node.fence, call.promise, holder, call)
        error = {"code": "key_conflict", "message": "used otherwise"}
        yield FailCall(node.id, node.fence, call.path, call.kind, call.name, call.args, error)


def _parked(story: Story, node: Node) -> Iterator[Command]:
    if node.hold is not None and node.hold[0] == "agent":
        yield from (TakeTurn(node.hold[1], 2, None, {"heard": ["hello"]}),) * 3
    elif node.hold is not None:
        yield from (Unhold(node.id),) * 3
    for asked in _unsettled(story, node, "waiting"):
        yield from _letters(story, asked)
    for asked in _unsettled(story, node, "unknown"):
        yield from _answers(asked, 0)
    if node.wake_at is not None:
        story.wait_until(node.wake_at if story.pick((0, 0, 1)) else None)
        yield Due(node.id)
        if _unsettled(story, node, "unknown"):
            yield StartNode(node.id, WORKER, alone=node.suspect)


def _letters(story: Story, asked: Asked) -> Iterator[Command]:
    """Whatever would answer a wait."""
    if asked.kind == "signal":
        yield SendSignal(asked.name, {"n": 2}, story.letter(), ASKER)
    if asked.kind == "message":
        yield SendMessage(asked.name, {"n": 3}, story.letter(), ASKER)
    if asked.kind == "child":
        job = asked.info["job"]
        yield EndChild(asked.path, job, "completed", {"n": 6})
        yield EndChild(asked.path, job, "failed", error={"code": "x"})
    if asked.kind == "approval":
        who, info = story.pick(PEOPLE), asked.info
        yield from (Vote(info["approval"], "approve", info["digest"], who, "fine"),) * 2
        yield Vote(info["approval"], "reject", info["digest"], who)
