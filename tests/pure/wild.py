"""Wild wishes: stale claims, pages that changed, strangers, and wishes in the wrong place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.core.commands import (
    SYSTEM,
    Accept,
    AdoptPlan,
    Answer,
    Command,
    Confirm,
    CreateJob,
    Due,
    EndChild,
    FailCall,
    FinishNode,
    Hold,
    LoseLease,
    Outcome,
    RefuseNode,
    Release,
    Resume,
    Seen,
    SendSignal,
    StartNode,
    TakeTurn,
    Tell,
    Unhold,
    Vote,
)
from tests.pure.sensible import common_wishes
from tests.pure.story import ASKER, INSTANCE, JOB, PEOPLE, STRANGER, WORKER, Story


def wild_wishes(story: Story) -> list[Command]:
    """Things that somebody may send by mistake, late or twice."""
    state = story.state
    found: list[Command] = [
        CreateJob(JOB, "helper", "1", {}, ASKER), Resume(ASKER), SendSignal("unheard", 1, "letter-1", ASKER),
        SendSignal("go", 1, "letter-1", ASKER), EndChild("n0", "no-such-job", "completed"), Due("nowhere"),
        AdoptPlan(2, story.plan), TakeTurn(INSTANCE, 3, JOB, {"late": True}), TakeTurn("another", 1, None, {}),
    ]  # fmt: skip
    for name, node in sorted(state.nodes.items()):
        promise = story.promise_of(node) or story.promise("pay", name)
        found += [
            StartNode(name, WORKER), StartNode(name, WORKER, promise), FinishNode(name, node.fence, 1),
            Release(name, node.fence, (name,)), Due(name), Unhold(name), Hold(name, "capability", "gpu"),
            LoseLease(name, node.fence - 1, "late", known_dead=True),
            RefuseNode(name, WORKER, {"code": "bad_arguments"}),
        ]  # fmt: skip
    for path, asked in sorted(state.calls.items()):
        found.append(
            FailCall(asked.node, asked.fence, path, asked.kind, asked.name, {}, {"code": "key_conflict"})
        )
        found += [Answer(path, verdict, SYSTEM, fence=asked.fence) for verdict in ("landed", "odd")]
        found.append(Tell(asked.node, asked.fence, path, asked.attempt, Outcome("raised")))
        found += [Accept(path, PEOPLE[1]), Confirm((Seen(path, False),), PEOPLE[1], asked.node)]
        found += [EndChild(path, str(asked.info.get("job")), "completed", 1)]
        if asked.kind == "approval":
            approval, digest = asked.info["approval"], asked.info["digest"]
            found += [
                Vote(approval, "approve", "another", PEOPLE[1]),
                Vote(approval, "reject", digest, STRANGER),
            ]
            found += [
                Vote(approval, "approve", digest, PEOPLE[0]),
                Vote(approval, "maybe", digest, PEOPLE[1]),
            ]
    return [*found, *_stale(story)]


def _stale(story: Story) -> list[Command]:
    """The wishes of the workers that hold a claim, as one would send them who held it before."""
    claimed: list[Any] = [wish for wish in common_wishes(story) if getattr(wish, "fence", 0)]
    return [replace(wish, fence=wish.fence - 1) for wish in claimed]
