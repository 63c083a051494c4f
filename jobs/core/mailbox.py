"""A message to an agent instance: the job that it is, its place in the line, and its turn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .chain import digest_of
from .events import Fact
from .ids import uuid_from


@dataclass(frozen=True, slots=True)
class Message:
    """What a job is to the instance that it is a message to.

    Args:
        instance: whose mailbox it came to.
        due: the moment from which it may be taken; its place in the line.
        id: the sender's own id, "" where none was given.
        not_before: as the sender gave it.
        sender: the job and the step that sent it, if a job did.
        turn: the number of its turn; None while it waits in the line.
        after: the job whose end gave the state that this one begins with; None: the state of the instance's creation.
    """

    instance: str
    due: str
    id: str = ""
    not_before: Any = None
    sender: Mapping[str, str] | None = None
    turn: int | None = None
    after: str | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Message | None:
        """Read the member `instance` of `job_created`."""
        if told is None:
            return None
        return cls(
            instance=told["id"], due=told["due"], id=told.get("message", ""), not_before=told.get("not_before"),
            sender=told.get("sender"), turn=told.get("turn"), after=told.get("after"),
        )  # fmt: skip

    def at_turn(self, turn: int, after: str | None) -> Message:
        """The same message once it has its turn."""
        return replace(self, turn=turn, after=after)


def begun_with(facts: Iterable[Fact]) -> Mapping[str, Any]:
    """The state that a job began with: given at its birth, or with its turn."""
    state: Mapping[str, Any] = {}
    for fact in facts:
        if fact.type == "job_created":
            state = fact.body.get("state") or {}
        elif fact.type == "wait_completed" and fact.body["kind"] == "agent":
            state = fact.body["value"]["state"]
    return state


def request_digest(body: Any, not_before: Any) -> str:
    """What a message id stands for: the same id with another digest is another request."""
    return digest_of({"body": body, "not_before": not_before})


def message_job(instance: str, id: str) -> str:
    """The job that the message of that id is: the same id can make no second one."""
    return uuid_from("aetheris.message.v1", instance, id)


def sent_job(origin: str, path: str) -> str:
    """The job that a message sent by a job is. It holds no attempt: a take-over or a retry sends the same."""
    return uuid_from("aetheris.sent.v1", origin, path)
