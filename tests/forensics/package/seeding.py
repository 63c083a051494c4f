"""A job of many events, seeded cheaply: a chain that holds and a book that agrees with it, without running anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from jobs.core.chain import body_digest, canonical, digest_of, link
from jobs.core.moments import parse, plus
from jobs.models import Event, Job
from ledger.models import Invocation
from tests.factories import a_job

PER_CALL = 4  # events: asked, promised, told, committed
AT_ONCE = 2000
SALT = "5a" * 16


def seeded(calls: int, size: int) -> str:
    """The id of a job with so many calls, each with a result of so many bytes.

    It is held against its events by the package's own checks, not by the fold: no worker could have run it.
    """
    job = a_job()
    row = Job.objects.get(id=job)
    last = Event.objects.get(job_id=job, seq=1)
    seq, hash, at = 1, last.hash, last.at
    events: list[Event] = []
    lines: list[Invocation] = []
    for number in range(calls):
        at = plus(at, 0.001)
        args, result = {"n": number}, {"text": f"{number:08d}" * (size // 8)}
        key = UUID(int=(UUID(job).int & ~0xFFFFFFFF) | number)
        for type, body in _call(str(key), args, result, seq + 1, at):
            seq += 1
            text = canonical(body)
            digest = body_digest(SALT, text)
            node = f"n{number}"
            prev, hash = hash, link(job=job, seq=seq, type=type, node=node, at=at, digest=digest, prev=hash)
            events.append(Event(job_id=row.id, seq=seq, tenant=row.tenant, type=type, node=node, at=at, body=text, salt=SALT,
                                digest=digest, prev=prev, hash=hash))  # fmt: skip
        lines.append(_line(row, key, f"n{number}", args, result, seq - PER_CALL + 1, at))
        if len(events) >= AT_ONCE:
            _write(events, lines)
    _write(events, lines)
    Job.objects.filter(id=job).update(head_seq=seq, head_hash=hash)
    return job


def _write(events: list[Event], lines: list[Invocation]) -> None:
    Event.objects.bulk_create(events, batch_size=500)
    Invocation.objects.bulk_create(lines, batch_size=500)
    events.clear()
    lines.clear()


def _call(key: str, args: Any, result: Any, fence: int, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "command_emitted",
        {"command": "tool", "name": "look", "args": args, "digest": digest_of(args), "fence": fence},
    )
    yield "tool_invocation_started", {
        "invocation": key, "tool": "look", "version": "1", "schema": "", "effect": "pure", "key": key.replace("-", ""),
        "business_key": None, "attempt": 1, "deadline": plus(at, 10), "probe": False, "retry": {}, "fence": fence,
        "holds": False,
    }  # fmt: skip
    yield "tool_invocation_finished", {"invocation": key, "tool": "look", "status": "landed", "attempt": 1, "fence": fence,
                                       "result": result}  # fmt: skip
    yield "command_committed", {"command": "tool", "outcome": "done", "fence": fence}


def _line(row: Job, key: UUID, node: str, args: Any, result: Any, fence: int, at: str) -> Invocation:
    moment = parse(at)
    return Invocation(
        id=key, tenant=row.tenant, job_id=row.id, node=node, tool="look", version="1", schema="", effect="pure",
        idempotency_key=key.hex, business_key=None, holds=False, args=canonical(args), args_digest=digest_of(args),
        state="landed", attempt=1, fence=fence, probe=False, deadline=moment + timedelta(seconds=10), promised_at=moment,
        settled_at=moment, result=canonical(result), error="",
    )  # fmt: skip
