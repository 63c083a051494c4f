"""A big database in little time: copies of one job that has really run, each with ids and a chain of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Model

from jobs.core.chain import GENESIS, body_digest, link
from jobs.models import Approval, Event, Job, Step
from jobs.services.submitting import new_id
from ledger.models import Invocation

AT_ONCE = 100  # copies in one transaction


def copied(job: str, words: list[str], count: int) -> None:
    """Copy a finished job.

    Args:
        job: its id.
        words: texts in it that are unique in the database, such as business keys.
        count: how many copies.
    """
    tables: tuple[type[Model], ...] = (Job, Event, Step, Approval, Invocation)
    rows = {model: _rows(model, job) for model in tables}
    for begin in range(0, count, AT_ONCE):
        with transaction.atomic():
            made: dict[type[Model], list[Model]] = {model: [] for model in rows}
            for _ in range(min(AT_ONCE, count - begin)):
                _copy(rows, _names(rows, job, words), made)
            for model, some in made.items():
                model._default_manager.bulk_create(some)


def _rows(model: type[Model], job: str) -> list[dict[str, Any]]:
    key = {"id": job} if model is Job else {"job_id": job}
    return [dict(row) for row in model._default_manager.filter(**key).order_by("pk").values()]


def _names(rows: dict[type[Model], list[dict[str, Any]]], job: str, words: list[str]) -> dict[str, str]:
    """What stands for what in a copy."""
    ids = [row["id"] for model in (Approval, Invocation) for row in rows[model]]
    named = {str(each): str(uuid4()) for each in ids} | {job: str(new_id())}
    return named | {word: secrets.token_hex(len(word))[: len(word)] for word in words}


def _copy(
    rows: dict[type[Model], list[dict[str, Any]]], named: dict[str, str], made: dict[type[Model], list[Model]]
) -> None:
    last = GENESIS
    for row in rows[Event]:
        told = _renamed(row, named)
        digest = body_digest(told["salt"], told["body"])
        hash = link(job=str(told["job_id"]), seq=told["seq"], type=told["type"], node=told["node"], at=told["at"],
                    digest=digest, prev=last)  # fmt: skip
        made[Event].append(Event(**{**told, "id": None, "digest": digest, "prev": last, "hash": hash}))
        last = hash
    for row in rows[Job]:
        made[Job].append(Job(**{**_renamed(row, named), "head_hash": last}))
    made[Step] += [Step(**{**_renamed(row, named), "id": None}) for row in rows[Step]]
    made[Approval] += [Approval(**_renamed(row, named)) for row in rows[Approval]]
    for told in _all(rows[Invocation], named):
        made[Invocation].append(
            Invocation(**{**told, "args_digest": sha256(told["args"].encode()).hexdigest()})
        )


def _all(rows: list[dict[str, Any]], named: dict[str, str]) -> Iterator[dict[str, Any]]:
    return (_renamed(row, named) for row in rows)


def _renamed(row: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
    return {column: _other(value, named) for column, value in row.items()}


def _other(value: Any, named: dict[str, str]) -> Any:
    if isinstance(value, UUID):
        return UUID(named.get(str(value), str(value)))
    if isinstance(value, str):
        for old, new in named.items():
            value = value.replace(old, new)
    return value
