"""Submit: a goal to an agent, at most once per idempotency key."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from ledger.canonical import erased_key

from .. import store
from ..actors import require, system
from ..core.chain import digest_of
from ..core.commands import Actor, CreateJob
from ..core.errors import Invalid, KeyReused
from ..models import Job, Tombstone
from ..notifying import refuse_own
from ..offered import check_goal, chosen_definition, version_of
from ..tombstones import gone, request_key
from . import payloads


def new_id() -> UUID:
    """A time-ordered id (UUID version 7, RFC 9562), so that new rows stand together in every index."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & (1 << 48) - 1) << 80 | random
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


def submit(
    agent: str,
    goal: Any,
    *,
    actor: Actor | None = None,
    idempotency_key: str | None = None,
    tags: Sequence[str] = (),
    priority: int = 0,
    on_failure: str = "fail",
) -> UUID:
    """Ask an agent for something; gives the job's id. Inside a caller's transaction it exists if that one commits.

    Args:
        agent: `"refund"`, or pinned `"refund@2"`.
        goal: JSON that fits the agent's goal schema.
        actor: who asks; the host project itself if None.
        idempotency_key: the same key and request give the same job.
        tags: up to 20 words, for finding the job again.
        priority: -100 to 100; a hint for the order of work.
        on_failure: `"compensate"`: undo what has landed before it ends as failed or cancelled.

    Raises:
        NotAllowed, TooLarge; Invalid: unknown agent, or a goal that does not fit; KeyReused.
    """
    who = actor or system()
    require(who, "submit")
    plain = payloads.checked(goal, "the goal")
    name, version = version_of(agent)
    refuse_own(name)
    more = _options(tags, priority, on_failure)
    digest = _digest(agent, plain, more)
    found = known(who.tenant, checked_key(idempotency_key), digest)
    if found is not None:  # a repetition gets its job even if the agent has changed since
        return found
    definition = chosen_definition(name, version)
    check_goal(definition, plain)
    wish = CreateJob(str(new_id()), name, definition.version, plain, who, key=idempotency_key, **more)
    return _once(wish, idempotency_key, digest)


def _options(tags: Sequence[str], priority: int, on_failure: str) -> dict[str, Any]:
    return {"tags": _tags(tags), "priority": _priority(priority), "on_failure": _on_failure(on_failure)}


def _digest(agent: str, goal: Any, more: dict[str, Any]) -> str:
    """What an idempotency key stands for; what is as if it were not said does not count."""
    said = {name: value for name, value in more.items() if (name, value) != ("on_failure", "fail")}
    return digest_of({"agent": agent, "goal": goal, **said, "tags": list(more["tags"])})


def _once(wish: CreateJob, key: str | None, digest: str) -> UUID:
    if key is None:
        store.create(wish)
        return UUID(wish.job)
    try:
        if connection.in_atomic_block:
            with (
                transaction.atomic()
            ):  # a savepoint: the loser of a race must not break the caller's transaction
                store.create(wish, idempotency_key=key, request_digest=digest)
        else:
            store.create(wish, idempotency_key=key, request_digest=digest)
    except IntegrityError:
        found = known(wish.actor.tenant, key, digest)
        if found is None:
            raise
        return found
    return UUID(wish.job)


def known(tenant: str, key: str | None, digest: str) -> UUID | None:
    """The job that an idempotency key stands for.

    Raises:
        KeyReused: it stands for another request. Gone: the job was pruned.
    """
    if key is None:
        return None
    keys = (key, erased_key(key))
    row = (
        Job.objects.filter(tenant=tenant, idempotency_key__in=keys)
        .values_list("id", "request_digest")
        .first()
    )
    if row is None:
        _spent(tenant, key, digest)
        return None
    if row[1] != digest:
        raise KeyReused(
            f"the idempotency key {key!r} was used for job {row[0]} with another request; "
            "use a new key for a new request"
        )
    return UUID(str(row[0]))


def _spent(tenant: str, key: str, digest: str) -> None:
    """Refuse a key that a pruned job was asked for with: what it asked for has been done, and is not done again."""
    row = Tombstone.objects.filter(tenant=tenant, request_key=request_key(key)).first()
    if row is not None and row.request_digest != digest:
        raise KeyReused(
            f"the idempotency key {key!r} was used for job {row.job_id}, which was pruned, with another request; use a new "
            "key for a new request"
        )
    if row is not None:
        raise gone(row)


def checked_key(key: str | None) -> str | None:
    """An idempotency key in its form. Raises Invalid."""
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid("an idempotency key is 1 to 255 printable characters", code="bad_idempotency_key")
    return key


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    if (
        isinstance(tags, str)
        or len(tags) > 20
        or any(not isinstance(t, str) or not 1 <= len(t) <= 64 for t in tags)
    ):
        raise Invalid("tags are up to 20 words of 1 to 64 characters", code="bad_tags")
    return tuple(dict.fromkeys(tags))


def _on_failure(on_failure: str) -> str:
    if on_failure not in ("fail", "compensate"):
        raise Invalid(f'on_failure is "fail" or "compensate", not {on_failure!r}', code="bad_on_failure")
    return on_failure


def _priority(priority: int) -> int:
    if isinstance(priority, bool) or not isinstance(priority, int) or not -100 <= priority <= 100:
        raise Invalid("priority is a whole number from -100 to 100", code="bad_priority")
    return priority
