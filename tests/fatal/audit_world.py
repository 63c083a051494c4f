"""The auditor between the ledger and the world: at most once, exactly once where it landed, and never unpromised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.fatal.audit_books import Books, Event, Row

HAPPENED = {"landed", "compensated"}
NEVER_HAPPENED = {"not_landed", "not_sent", "absent"}


def settled(row: Row, lines: list[Row]) -> Iterator[str]:
    """Promises of a job that are neither settled nor on the list of somebody who has to look."""
    for line in lines:
        if line["settled_at"] is None and not _listed(row, line):
            yield f"call {line['node']} is {line['state']}, neither settled nor listed"


def effects(lines: list[Row], counts: Mapping[str, int]) -> Iterator[str]:
    """Each effect: how often it happened, and what the ledger says of it. A retry of a job shares its keys."""
    by_key: dict[str, list[Row]] = {}
    for line in lines:
        if line["effect"] != "pure":
            by_key.setdefault(line["idempotency_key"], []).append(line)
    for key, found in by_key.items():
        yield from _effect(found, counts.get(key, 0))


def _effect(lines: list[Row], count: int) -> Iterator[str]:
    where = f"job {lines[0]['job_id']}: call {lines[0]['node']} of {lines[0]['tool']}"
    landed = [line for line in lines if line["state"] in HAPPENED]
    if count > 1:
        yield f"{where} happened {count} times"
    if len(landed) > 1:
        yield f"{where} has landed in {len(landed)} jobs, by the ledger"
    if landed and count != 1:
        yield f"{where} has landed, by the ledger; it happened {count} times"
    if (
        lines[0]["effect"] == "at_most_once"
        and count
        and all(line["state"] in NEVER_HAPPENED for line in lines)
    ):
        yield f"{where} is {lines[0]['state']}, by the ledger; it happened {count} times"


def undone(lines: list[Row]) -> Iterator[str]:
    """What is marked as undone has one line that landed under another key and names it; and no other has."""
    undoing = {line["compensates"]: line for line in lines if line["compensates"]}
    for line in lines:
        undo = undoing.get(line["id"])
        if (line["state"] == "compensated") != (undo is not None and undo["state"] == "landed"):
            yield f"call {line['node']} is {line['state']}, what undoes it is {undo and undo['state']}"
        elif undo is not None and undo["idempotency_key"] == line["idempotency_key"]:
            yield f"call {line['node']} and what undoes it have one key"


def _listed(row: Row, line: Row) -> bool:
    """Whether somebody is told of an open question, or the call is under way."""
    if row["status"] in ("completed", "failed", "cancelled"):
        return False
    return line["state"] == "open" or row["status"] != "parked" or line["id"] in row["parked_on"]


def claims(events: list[Event]) -> Iterator[str]:
    """What a claim wrote after another had taken the step over."""
    fences: dict[str, int] = {}
    resolved: set[tuple[str, str]] = set()
    for event in events:
        step = event.node if event.node in fences else event.node.partition("/")[0]
        if event.kind == "node_started":
            fences[event.node] = event.seq
        elif event.kind == "outcome_resolved":
            resolved.add(
                (event.node, event.at)
            )  # what follows is the resolver's, under the fence of the promise
        elif event.kind in UNDER_A_CLAIM and (event.node, event.at) not in resolved:
            fence = event.body.get("fence", 0)
            if fence and fence < fences.get(step, 0) and event.body.get("status") != "abandoned":
                yield f"event {event.seq} ({event.kind} {event.node}) was written under fence {fence}, after {fences[step]}"


UNDER_A_CLAIM = {
    "plan_generated", "command_emitted", "tool_invocation_started", "tool_invocation_finished", "command_committed",
    "reasoning_snapshot", "effect_recorded", "node_finished", "node_failed", "node_retry_scheduled", "lease_lost",
    "job_parked",
}  # fmt: skip


def everywhere(books: Books, counts: Mapping[str, int]) -> Iterator[str]:
    """What no single job can show: keys that jobs share, calls that nobody promised, debts, the dead."""
    lines = [line for found in books.lines.values() for line in found]
    known = {line["idempotency_key"] for line in lines}
    for key in sorted(set(counts) - known):
        yield f"the world saw a call under key {key}, which no promise names"
    yield from effects(lines, counts)
    yield from _business_keys(lines, counts)
    yield from _recalls(lines)
    yield from _held(books, lines)


def _business_keys(lines: list[Row], counts: Mapping[str, int]) -> Iterator[str]:
    keys: dict[tuple[str, str, str], set[str]] = {}
    holders: Counter[tuple[str, str, str]] = Counter()
    for line in lines:
        if line["business_key"]:
            key = line["tenant"], line["tool"], line["business_key"]
            keys.setdefault(key, set()).add(line["idempotency_key"])
            holders[key] += line["holds"]
    for key, used in sorted(keys.items()):
        times = sum(counts.get(each, 0) for each in used)
        if times > 1:
            yield f"the effect under business key {key} happened {times} times"
        if holders[key] > 1:
            yield f"{holders[key]} calls hold business key {key}"


def _recalls(lines: list[Row]) -> Iterator[str]:
    by_id = {line["id"]: line for line in lines}
    for line in lines:
        if line["state"] != "recalled":
            continue
        source = by_id.get(line["recalled_from"])
        if source is None or source["state"] not in HAPPENED:
            yield f"job {line['job_id']}: call {line['node']} recalls {line['recalled_from']}, which has not landed"
        elif source["result"] != line["result"]:
            yield f"job {line['job_id']}: call {line['node']} recalls another result than {source['id']} had"


def _held(books: Books, lines: list[Row]) -> Iterator[str]:
    open_lines = {line["id"] for line in lines if line["settled_at"] is None}
    for row in books.deliveries:
        if row["awaits"] and row["awaits"] not in open_lines:
            yield f"delivery {row['id']} to job {row['job_id']} waits for call {row['awaits']}, which is settled"
        if not row["awaits"] and row["wake_at"] is None:
            yield f"delivery {row['id']} to job {row['job_id']} waits for nothing and is never due"
