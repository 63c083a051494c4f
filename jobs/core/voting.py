"""Approvals: who may decide, on what exactly, and only once (design: Humans)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .commands import Actor, Vote
from .draft import Draft
from .errors import Invalid, NotAllowed, NotFound, Stale
from .state import Asked
from .waiting import conclude, fire_all_due


def vote(draft: Draft, wish: Vote) -> None:
    """One person's decision. `quorum` approvals approve, one rejection rejects, commit order decides.

    To delegate hands the vote to somebody else; it is then theirs, once.

    Raises:
        NotFound: no such approval in this job.
        Stale: it is decided, withdrawn or past its deadline, or something else was shown.
        NotAllowed: not among those asked, the requester under four eyes, or a second vote.
    """
    path = _path_of(draft, wish.approval)
    fire_all_due(draft)
    asked = draft.state.calls[path]
    if asked.status != "waiting" or draft.state.phase != "open":
        raise Stale(_how_it_ended(draft, asked), code="approval_closed")
    if wish.digest != asked.info["digest"]:
        raise Stale(
            f"approval {wish.approval} of job {draft.state.job} shows something else than what you decided on; "
            "look at it again",
            code="stale_digest",
        )
    if wish.decision not in ("approve", "reject", "delegate"):
        raise Invalid(f"a decision is approve, reject or delegate, not {wish.decision!r}")
    _may(draft, asked, wish)
    if wish.decision == "delegate":
        _delegate(draft, asked, wish)
    else:
        _count(draft, asked, wish)


def _path_of(draft: Draft, approval: str) -> str:
    for path, asked in draft.state.calls.items():
        if asked.kind == "approval" and asked.info.get("approval") == approval:
            return str(path)
    raise NotFound(f"job {draft.state.job} asks no approval {approval}")


def _how_it_ended(draft: Draft, asked: Asked) -> str:
    head = f"approval {asked.info['approval']} of job {draft.state.job} is closed"
    votes = draft.state.votes.get(asked.path, ())
    last = votes[-1] if votes else None
    if last is None:
        return f"{head}: the job is {draft.state.phase}"
    if last["actor"] is None:
        return f"{head}: {last['decision'].replace('_', ' ')}"
    return f"{head}: {last['actor']['name']} decided {last['decision']}"


def _may(draft: Draft, asked: Asked, wish: Vote) -> None:
    info, who = asked.info, wish.actor
    if info["four_eyes"] and who.id in draft.state.asked_by:
        raise NotAllowed(
            f"{who.name or who.id} asked for job {draft.state.job} and may not approve it: four eyes are required",
            code="four_eyes",
        )
    if not _asks(info, who):
        asked_for = [f"group {name}" for name in info["groups"]] + [f"user {name}" for name in info["users"]]
        raise NotAllowed(
            f"{who.name or who.id} may not decide approval {info['approval']}: it asks {', '.join(asked_for)}",
            code="not_an_approver",
        )
    if (cast := _cast_by(draft, asked, who)) is not None:
        raise NotAllowed(
            f"{who.name or who.id} has voted on approval {info['approval']} already ({cast['decision']})",
            code="voted_already",
        )


def _asks(info: Mapping[str, Any], who: Actor) -> bool:
    named = (*info["users"], *info.get("delegates", ()))
    return who.id in named or who.name in named or bool(set(who.groups) & set(info["groups"]))


def _cast_by(draft: Draft, asked: Asked, who: Actor) -> Mapping[str, Any] | None:
    """What this person has said to the question, a delegation included."""
    votes = draft.state.votes.get(asked.path, ())
    return next((cast for cast in votes if cast["actor"] is not None and cast["actor"]["id"] == who.id), None)


def _delegate(draft: Draft, asked: Asked, wish: Vote) -> None:
    """Hand one vote to somebody who has none: the number of votes stays what it was, and a quorum means what it meant."""
    info, to = asked.info, wish.to
    if to is None or not to.id:
        raise Invalid(
            "there is no active user of that name to delegate to", code="no_such_user",
            errors=[{"loc": ["to"], "msg": "there is no active user of this name"}],
        )  # fmt: skip
    name = to.name or to.id
    if info["four_eyes"] and to.id in draft.state.asked_by:
        raise NotAllowed(
            f"{name} asked for job {draft.state.job} and may not approve it: four eyes are required",
            code="four_eyes",
        )
    if _asks(info, to) or _cast_by(draft, asked, to) is not None:
        raise Invalid(
            f"{name} is asked by approval {info['approval']} already and has a vote of their own; name somebody else",
            code="asked_already",
        )
    draft.emit(
        "approval_decided", asked.path, approval=wish.approval, decision="delegate", actor=wish.actor.to_json(),
        comment=wish.comment, digest=wish.digest, form=None, effect="delegated", to=to.to_json(),
    )  # fmt: skip


def _count(draft: Draft, asked: Asked, wish: Vote) -> None:
    earlier = [cast for cast in draft.state.votes.get(asked.path, ()) if cast["decision"] == "approve"]
    approved = len(earlier) + 1 >= asked.info["quorum"]
    effect = "rejected" if wish.decision == "reject" else "approved" if approved else "vote"
    draft.emit(
        "approval_decided", asked.path, approval=wish.approval, decision=wish.decision,
        actor=wish.actor.to_json(), comment=wish.comment, digest=wish.digest, form=wish.form, effect=effect,
    )  # fmt: skip
    if effect == "vote":
        return
    names = [cast["actor"]["name"] for cast in earlier] if effect == "approved" else []
    value: dict[str, Any] = {
        "decision": effect,
        "by": [*names, wish.actor.name or wish.actor.id],
        "comment": wish.comment,
        "form": wish.form,
        "approval": wish.approval,
    }
    draft.emit(
        "wait_completed",
        asked.path,
        kind="approval",
        name=asked.name,
        value=value,
        source=None,
        timed_out=False,
    )
    conclude(draft, asked.path)
