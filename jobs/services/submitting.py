"""Submit: a goal to an agent, at most once per idempotency key."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any
from uuid import UUID

import jsonschema
from django.db import IntegrityError, connection, transaction

from .. import store
from ..agents import all_agents
from ..core.chain import digest_of
from ..core.commands import Actor, CreateJob
from ..core.errors import Invalid, KeyReused
from ..models import Definition, Job
from . import payloads
from .actors import require, system


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
    more = _options(tags, priority, on_failure)
    digest = _digest(agent, plain, more)
    found = known(who.tenant, checked_key(idempotency_key), digest)
    if found is not None:  # a repetition gets its job even if the agent has changed since
        return found
    definition = chosen_definition(name, version)
    check_goal(definition, plain)
    wish = CreateJob(str(new_id()), name, definition.version, plain, who, **more)
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
        KeyReused: it stands for another request.
    """
    if key is None:
        return None
    row = Job.objects.filter(tenant=tenant, idempotency_key=key).values_list("id", "request_digest").first()
    if row is None:
        return None
    if row[1] != digest:
        raise KeyReused(
            f"the idempotency key {key!r} was used for job {row[0]} with another request; "
            "use a new key for a new request"
        )
    return UUID(str(row[0]))


def checked_key(key: str | None) -> str | None:
    """An idempotency key in its form. Raises Invalid."""
    if key is None:
        return None
    if not isinstance(key, str) or not 1 <= len(key) <= 255 or not key.isprintable():
        raise Invalid("an idempotency key is 1 to 255 printable characters", code="bad_idempotency_key")
    return key


def version_of(agent: Any) -> tuple[str, str | None]:
    """`"refund@2"` as name and pinned version (None: not pinned)."""
    if not isinstance(agent, str) or not agent:
        raise Invalid('`agent` is the name of an agent, such as "refund" or "refund@2"', code="bad_agent")
    name, at, version = agent.partition("@")
    return name, version if at else None


def definitions(name: str) -> list[Definition]:
    """What is known of an agent: from workers' registrations, else from this very process."""
    rows = list(Definition.objects.filter(kind="agent", name=name))
    if rows:
        return rows
    return [
        Definition(kind="agent", name=each.name, version=each.version, schema=json.dumps(each.goal.schema),
                   default=each.default, form=each.form)
        for each in all_agents()
        if each.name == name
    ]  # fmt: skip


def chosen_definition(name: str, version: str | None) -> Definition:
    """The version a new job takes: pinned, else the default, else the highest.

    Raises:
        Invalid: no such agent or version.
    """
    known = definitions(name)
    if not known:
        names = sorted({*Definition.objects.filter(kind="agent").values_list("name", flat=True),
                        *(each.name for each in all_agents())})  # fmt: skip
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are: {', '.join(names) or 'none'}"
        raise Invalid(f"there is no agent {name!r}{hint}", code="unknown_agent")
    if version is None:
        chosen = [each for each in known if each.default] or known
        return max(chosen, key=lambda each: _order(each.version))
    for each in known:
        if each.version == version:
            return each
    have = ", ".join(sorted((each.version for each in known), key=_order))
    raise Invalid(f"agent {name!r} has no version {version!r}; it has: {have}", code="unknown_version")


def _order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Dotted numbers in numeric order; words before numbers."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in version.split("."))


def check_goal(definition: Definition, goal: Any) -> None:
    """Refuse a goal that does not fit the agent's schema.

    Raises:
        Invalid: naming each place.
    """
    validator = jsonschema.Draft202012Validator(json.loads(definition.schema))
    errors = [
        {"loc": [str(part) for part in error.absolute_path], "msg": error.message}
        for error in sorted(
            validator.iter_errors({"goal": goal}), key=lambda error: list(map(str, error.path))
        )
    ]
    if errors:
        told = "; ".join(f"{'.'.join(each['loc'])}: {each['msg']}" for each in errors[:3])
        raise Invalid(f"the goal does not fit agent {definition.name}@{definition.version}: {told}", code="bad_goal",
                      errors=errors)  # fmt: skip


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
