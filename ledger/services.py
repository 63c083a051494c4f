"""The book's verbs: reserve a line before the call, settle it after; and the one way to the hand.

`reserve` and `settle` run inside the transaction of the caller's append, so a line and the event
that speaks of it are written together or not at all (Laws E1, E3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, connections
from django.db.models import Exists, OuterRef, Q

from . import guard, hand
from .canonical import erased_key
from .declared import Tool
from .models import CLOSED, OPEN, RELEASES_ITS_KEY, Invocation
from .outcomes import Absent, Landed, ToolCall, Unknown
from .statements import Insert, Update
from .verdict import Entry, Invoke, Verdict, verdict

AT_ONCE = 500  # lines in one statement
promise = Insert(Invocation)
change = Update(Invocation, "id")


class Taken(Exception):
    """The business key is not free; the append that wanted it is rolled back whole."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(type(verdict).__name__)
        self.verdict = verdict


class NotReserved(Exception):
    """The line cannot be promised (again): another worker was faster, or it is settled."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is written before a call."""

    id: str
    tenant: str
    job: str
    node: str
    tool: str
    version: str
    schema: str
    effect: str
    key: str
    business_key: str | None
    holds: bool
    args: str
    args_digest: str
    attempt: int
    fence: int
    probe: bool
    deadline: datetime
    at: datetime
    compensates: str | None = None


def holder_of(*, tenant: str, tool: str, business_key: str, lock: bool = False) -> Entry | None:
    """The line that holds a business key, locked until the transaction ends if asked."""
    rows = Invocation.objects.filter(
        tenant=tenant, tool=tool, business_key__in=(business_key, erased_key(business_key)), holds=True
    )
    if lock and connection.features.has_select_for_update:
        rows = rows.select_for_update()
    row = rows.first()
    if row is None:
        return None
    return Entry(str(row.id), str(row.job_id), row.state, row.args_digest, row.result, row.node)


def consult(line: Line) -> Verdict:
    """What the book says to a promise that wants a business key."""
    if line.business_key is None or not line.holds:
        return Invoke()
    holder = holder_of(tenant=line.tenant, tool=line.tool, business_key=line.business_key, lock=True)
    return verdict(holder, invocation=line.id, args_digest=line.args_digest)


def reserve(line: Line) -> None:
    """Write the promise of a call.

    Raises:
        Taken: the business key is held by another call.
        NotReserved: this very call is open, unknown or landed already.
        IntegrityError: two workers at one promise; the database let the other one through.
    """
    said = consult(line)
    if not isinstance(said, Invoke):
        raise Taken(said)
    if line.attempt == 1:
        _insert(line)
        return
    again = Invocation.objects.filter(id=line.id).exclude(
        state__in=("landed", "recalled", "unknown", "compensated")
    )
    changed = again.update(
        state="open", attempt=line.attempt, fence=line.fence, holds=line.holds, deadline=line.deadline,
        promised_at=line.at, settled_at=None, error="",
    )  # fmt: skip
    if changed == 0:
        if Invocation.objects.filter(id=line.id).exists():
            raise NotReserved(
                f"call {line.node} of job {line.job} is settled; attempt {line.attempt} is not promised"
            )
        _insert(line)


def _insert(line: Line) -> None:
    promise([Invocation(**promised(line))])


def promised(line: Line) -> dict[str, Any]:
    """The columns of a new line: those that a promise does not speak of have their defaults."""
    return {
        "id": line.id, "tenant": line.tenant, "job_id": line.job, "node": line.node, "tool": line.tool,
        "version": line.version, "schema": line.schema, "effect": line.effect, "idempotency_key": line.key,
        "business_key": line.business_key, "holds": line.holds, "args": line.args, "args_digest": line.args_digest,
        "state": "open", "attempt": line.attempt, "fence": line.fence, "probe": line.probe, "deadline": line.deadline,
        "promised_at": line.at, "compensates": line.compensates,
    }  # fmt: skip


def settle(
    invocation: str, state: str, *, at: datetime | None, result: str | None = None, error: str = ""
) -> None:
    """Write how a call ended; a line whose effect did not happen gives its business key back.

    Args:
        at: when; None while the outcome is unknown.

    Raises:
        LookupError: the book has no such line.
    """
    changes: dict[str, Any] = {"state": state, "settled_at": at, "error": error}
    if result is not None:
        changes["result"] = result
    if state in RELEASES_ITS_KEY:
        changes["holds"] = False
    if not change([invocation], changes):
        raise LookupError(f"the ledger has no line {invocation}, which is to be settled as {state}")


def compensated(invocation: str) -> None:
    """Write that a landed effect has been undone. Its result stays, and so does its hold on the business key.

    Raises:
        LookupError: the book has no such line that has landed.
    """
    if not Invocation.objects.filter(id=invocation, state="landed").update(state="compensated"):
        raise LookupError(f"the ledger has no landed line {invocation}, which is to be marked as compensated")


def adopt(line: Line, result: str, source: str) -> None:
    """Write that a call took another call's result: it has a line of its own, and holds nothing."""
    Invocation.objects.update_or_create(id=line.id, defaults=_adopted(line, result, source))


def adopt_all(lines: Sequence[tuple[Line, str, str]]) -> None:
    """The same for the calls of a job that is born with them: none of them has a line yet."""
    Invocation.objects.bulk_create(
        [Invocation(id=line.id, **_adopted(line, result, source)) for line, result, source in lines],
        batch_size=AT_ONCE,
    )


def _adopted(line: Line, result: str, source: str) -> dict[str, Any]:
    return {
        "tenant": line.tenant, "job_id": line.job, "node": line.node, "tool": line.tool, "version": line.version,
        "schema": line.schema, "effect": line.effect, "idempotency_key": line.key,
        "business_key": line.business_key, "holds": False, "args": line.args, "args_digest": line.args_digest,
        "state": "recalled", "attempt": line.attempt, "fence": line.fence, "probe": line.probe,
        "deadline": line.deadline, "promised_at": line.at, "settled_at": line.at, "result": result,
        "recalled_from": UUID(source),
    }  # fmt: skip


def close_account(job: UUID) -> None:
    """Take away the lines of a job that is pruned.

    A line that holds a business key, or whose result another job has recalled, stays for ever: without arguments, result
    or error, and with a digest in the place of the key.
    """
    lines = Invocation.objects.filter(job_id=job)
    recalled = Invocation.objects.filter(recalled_from=OuterRef("id")).exclude(job_id=job)
    kept = lines.filter(Q(holds=True, business_key__isnull=False) | Exists(recalled))
    for line in kept:
        key = None if line.business_key is None else erased_key(line.business_key)
        retell(str(line.id), {"business_key": key, "args": CLOSED, "result": None, "error": ""})
    lines.exclude(id__in=[line.id for line in kept]).delete()


def retell(invocation: str, columns: Mapping[str, Any]) -> None:
    """Write what the remaining record says of a line whose words were erased: arguments, result, error and key."""
    Invocation.objects.filter(id=invocation).update(**columns)


def undone(lines: Sequence[str]) -> set[str]:
    """Which of these lines' effects have been undone since they landed."""
    found: set[str] = set()
    for start in range(0, len(lines), AT_ONCE):
        some = lines[start : start + AT_ONCE]
        rows = Invocation.objects.filter(id__in=some, state="compensated")
        found |= {str(key) for key in rows.values_list("id", flat=True)}
    return found


def queue_up(tenant: str, lines: Collection[str], keys: Collection[tuple[str, str]]) -> None:
    """Lock lines by id and by (tool, business key), in the order of their ids, until the transaction ends.

    Two appends that touch the same lines then wait for each other once, and never both ways. SQLite has one writer.
    """
    if not connection.features.has_select_for_update:
        return
    wanted = Q(id__in=lines)
    for tool, key in keys:
        wanted |= Q(tenant=tenant, tool=tool, business_key__in=(key, erased_key(key)), holds=True)
    rows = Invocation.objects.filter(wanted).order_by("id").select_for_update()
    list(rows.values_list("id"))


def still_open(invocation: str) -> bool:
    """Whether a line is not settled yet; locks it, so that its settlement sees who waits."""
    rows = Invocation.objects.filter(id=invocation)
    if connection.features.has_select_for_update:
        rows = rows.select_for_update()
    row = rows.first()
    return row is not None and row.state in OPEN


def invoke(
    tool: Tool, args: Mapping[str, Any], call: ToolCall, *, timeout: float, lease_ok: Callable[[], bool]
) -> hand.Touch:
    """Call the tool: no transaction is held meanwhile, and no database connection while the call lasts."""
    return hand.touch(
        tool, args, call, timeout=timeout, lease_ok=lease_ok, after=connections.close_all, when_slow=give_back
    )


def invoke_here(
    tool: Tool, args: Mapping[str, Any], call: ToolCall, *, seconds: float, lease_ok: Callable[[], bool]
) -> hand.Touch:
    """Call a transactional tool inside the caller's transaction, which also writes its outcome or is rolled back."""
    with guard.inside_the_transaction(seconds):
        return hand.touch_here(tool, args, call, lease_ok=lease_ok)


async def invoke_async(
    tool: Tool, args: Mapping[str, Any], call: ToolCall, *, limit: float, lease_ok: Callable[[], bool]
) -> hand.Touch:
    """Call the tool from the process's event loop."""
    return await hand.touch_async(
        tool, args, call, timeout=limit, lease_ok=lease_ok, after=connections.close_all
    )


def probe(tool: Tool, call: ToolCall, *, timeout: float) -> Landed | Absent | Unknown:
    """Ask the world how an earlier call ended."""
    return hand.touch_probe(tool, call, timeout, after=connections.close_all, when_slow=give_back)


def confirm(tool: Tool, call: ToolCall, result: Any, *, timeout: float) -> bool | Unknown:
    """Ask the world whether a landed effect still stands."""
    return hand.touch_confirm(tool, call, result, timeout, after=connections.close_all, when_slow=give_back)


def give_back() -> None:
    """Close this thread's connections, unless a transaction is open: it waits, and others may need the place."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()
