"""Driving: workers that go on, people who answer, a sweep that looks; until the job ends."""

from __future__ import annotations

from jobs.core.commands import (
    AdoptPlan,
    Answer,
    Call,
    Command,
    Due,
    EndChild,
    FinishNode,
    LoseLease,
    Outcome,
    Release,
    Resume,
    SendMessage,
    SendSignal,
    StartNode,
    TakeTurn,
    Tell,
    Unhold,
    Vote,
)
from jobs.core.state import Asked, Node
from tests.pure.story import ASKER, PEOPLE, PERSON, WORKER, Story

DONE = Outcome("landed", {"n": 5, "list": [1, 2]})


def drive(story: Story, wishes: int = 300) -> None:
    """Send good wishes until the job ends.

    Raises:
        AssertionError: none of them moves the job, or they do not lead to an end.
    """
    for _ in range(wishes):
        if story.state.ended:
            return
        if not any(_moves(story, wish) for wish in _good_wishes(story)):
            raise AssertionError(f"stuck: {story.state.status}, {sorted(story.state.agenda)}")
    raise AssertionError(f"no end after {wishes} good wishes")


def _moves(story: Story, wish: Command) -> bool:
    return bool(story.send(wish).facts)


def _good_wishes(story: Story) -> list[Command]:
    state = story.state
    if state.paused:
        return [Resume(ASKER)]
    found: list[Command] = []
    for name in sorted(state.agenda, key=lambda name: (state.nodes[name].status != "running", name)):
        node = state.nodes[name]
        found += {"running": _work, "parked": _answer}.get(node.status, _claim)(story, node)
    return found


def _unsettled(story: Story, node: Node) -> list[Asked]:
    return [story.state.calls[path] for path in sorted(node.open)]


def _claim(story: Story, node: Node) -> list[Command]:
    found: list[Command] = []
    if node.status == "backoff":
        story.wait_until(node.wake_at)
        found.append(Due(node.id))  # the sweep, which also fires a wait beside the retry
    if story.state.doubts and story.state.phase == "open":
        found.append(story.seen(node.id, True))
    unknown = any(asked.status == "unknown" for asked in _unsettled(story, node))
    promise = None if unknown else story.promise_of(node)
    return [*found, StartNode(node.id, WORKER, promise, alone=node.suspect)]


def _work(story: Story, node: Node) -> list[Command]:
    calls = _unsettled(story, node)
    found: list[Command] = [
        Tell(node.id, node.fence, asked.path, asked.attempt, DONE)
        for asked in calls
        if asked.status == "open"
    ]
    found += [_resolution(story, asked) for asked in calls if asked.status == "unknown"]
    if node.kind == "plan":
        return [*found, AdoptPlan(node.fence, story.plan)]
    if node.kind == "workflow":
        return [*found, *_run(story, node)]
    promise = story.promise_of(node)
    call = Call(node.id, node.fence, node.id, node.kind, promise.tool if promise else "", {}, promise)
    return [*found, call, LoseLease(node.id, node.fence, "handed_back", known_dead=True)]


def _resolution(story: Story, asked: Asked) -> Answer:
    return Answer(asked.path, story.pick(("landed", "absent", "fail")), PERSON, result={"n": 5})


def _run(story: Story, node: Node) -> list[Command]:
    """The function from the record: ask what is not asked, then return or park."""
    paths = [f"{node.id}/{number}" for number in range(len(story.program(node.id)))]
    known = [asked for path in paths if (asked := story.state.calls.get(path))]
    found: list[Command] = []
    for path in paths:
        asked = story.state.calls.get(path)
        if asked is None or asked.status in ("again", "lost") or _due_again(story, asked):
            found.append(story.call(node, path))
    blocked = tuple(asked.path for asked in known if asked.status in ("waiting", "backoff"))
    if blocked:
        found.append(Release(node.id, node.fence, blocked))
    elif len(known) == len(paths):
        found.append(FinishNode(node.id, node.fence, {"n": 4}))
    return [*found, LoseLease(node.id, node.fence, "handed_back", known_dead=True)]


def _due_again(story: Story, asked: Asked) -> bool:
    return asked.status == "backoff" and asked.wake_at is not None and asked.wake_at <= story.now


def _answer(story: Story, node: Node) -> list[Command]:
    found: list[Command] = [_let_go_on(node)] if node.hold is not None else []
    if node.wake_at is not None and node.wake_at <= story.now:
        found.append(Due(node.id))
    for asked in _unsettled(story, node):
        if asked.status == "unknown":
            found.append(_resolution(story, asked))
        elif asked.status == "waiting":
            found += _reply(story, asked)
    return found


def _let_go_on(node: Node) -> Command:
    assert node.hold is not None
    kind, name = node.hold
    return TakeTurn(name, 2, None, {"heard": []}) if kind == "agent" else Unhold(node.id)


def _reply(story: Story, asked: Asked) -> list[Command]:
    match asked.kind:
        case "signal":
            return [SendSignal(asked.name, {"n": 1}, story.letter(), ASKER)]
        case "message":
            return [SendMessage(asked.name, {"n": 1}, story.letter(), ASKER)]
        case "child":
            return [EndChild(asked.path, asked.info["job"], "completed", {"n": 1})]
        case "timer":
            story.wait_until(asked.wake_at)
            return [Due(asked.node)]
    info = asked.info
    return [Vote(info["approval"], "approve", info["digest"], person) for person in PEOPLE]
