"""On Postgres, an append of an ordinary step as one statement: head, events, agenda, settlement, promise (design §11).

The statement writes what `writing.append` writes with one statement each, in the same order of locks: everything else hangs
on the row that moved the head, and a settlement without its line in the ledger is an error of the statement. So it needs no
transaction around it. Appends that touch other jobs, business keys, approvals or parts that stand elsewhere are not
ordinary, and are written there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DataError, connection, connections, models
from pydantic_core import to_json

from ledger import encryption
from ledger import services as ledger
from ledger.columns import BodyField
from ledger.crashpoints import watched
from ledger.models import Invocation
from ledger.prepared import Prepared

from ..core.events import Fact
from ..core.moments import parse
from ..core.state import JobState
from ..models import Event, Job, Step, Worker
from ..rows import STEP_FIELDS, EventRow, changed_steps, job_row
from . import book
from .group import MOST

KEPT = frozenset({"output"})  # columns of the head that stay as they are where nothing new is told
DIVISION_BY_ZERO = "22012"  # what the statement ends with if the ledger has no line of a call that is settled
ORDINARY = frozenset({
    "plan_generated", "node_started", "command_emitted", "tool_invocation_started", "tool_invocation_finished",
    "command_committed", "reasoning_snapshot", "effect_recorded", "node_finished", "node_skipped", "job_completed",
})  # fmt: skip
KNOWN = {"id": "uuid", "known_seq": "bigint", "known_hash": "text", "claimed_by": "uuid"}
BEGINNING = "WITH head AS"  # of the statement: what knows it by its text looks for this
_in_python = json.JSONEncoder(default=str, separators=(",", ":")).encode
STEP_COLUMNS = ("job_id", "node", *STEP_FIELDS, "knock_at")


def fits(before: JobState, after: JobState, facts: Iterable[Fact]) -> bool:
    """Whether the statement can write it all: calls may end and others begin, and nobody else is concerned."""
    if connection.vendor != "postgresql" or before.seq == 0:
        return False
    ended, begun = set(), set()
    for fact in facts:
        if fact.type not in ORDINARY or _concerns_others(after, fact):
            return False
        if fact.type == "tool_invocation_started":
            if fact.body["holds"] or fact.body["attempt"] != 1:
                return False
            begun.add(fact.body["invocation"])
        elif fact.type == "tool_invocation_finished":
            if fact.body["status"] == "recalled" or after.calls[fact.node].info.get("holds"):
                return False
            ended.add(fact.body["invocation"])
    return len(ended) <= MOST and len(begun) <= MOST and not ended & begun


def _concerns_others(state: JobState, fact: Fact) -> bool:
    """Whether another job, or an agent instance, waits for it."""
    if fact.type == "command_emitted":
        return bool(fact.body["command"] == "send")
    if fact.type != "job_completed":
        return False
    waiting = any(asked.kind == "child" and asked.status == "waiting" for asked in state.calls.values())
    return waiting or state.parent is not None or state.message is not None


def is_alone() -> bool:
    """Whether a statement of this thread would be a transaction of its own, and nobody wants to die inside it."""
    here = connections[DEFAULT_DB_ALIAS]
    here.close_if_health_check_failed()
    here.ensure_connection()
    return not here.in_atomic_block and here.get_autocommit() and not watched("in_append", "before_commit")


def write(
    events: Sequence[EventRow], before: JobState, after: JobState, facts: Iterable[Fact], worker: str | None
) -> bool:
    """Write them: in the transaction that is open, or as one.

    Returns:
        False, and nothing is written, if the head is not the one that was known or the worker is dead.

    Raises:
        LookupError: the book has no line of the call that is to be settled.
        IntegrityError: two workers at one promise.
    """
    rows, removed = changed_steps(before, after)
    settled, promised = _lines(after, facts)
    head = job_row(after)
    head["head_hash"] = events[-1].hash
    known = {"id": after.job, "known_seq": before.seq, "known_hash": events[0].prev, "claimed_by": worker}
    told = [
        _json(Job, [head | known])[1:-1],
        _json(Event, [each._asdict() for each in events]),
        to_json(removed),
        _json(Step, [each._asdict() for each in rows]),
        _json(Invocation, settled) if len(settled) > 1 else _json(Invocation, settled)[1:-1] or b"{}",
        _json(Invocation, promised),
        to_json(len(settled)),
    ]
    try:
        return bool(_statement(tuple(head), len(settled) > 1)(*told))
    except DataError as error:
        if getattr(error.__cause__, "sqlstate", None) != DIVISION_BY_ZERO:
            raise
        names = ", ".join(str(each["id"]) for each in settled)
        raise LookupError(f"the ledger has no line {names}, which is to be settled") from error


def _lines(state: JobState, facts: Iterable[Fact]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    settled, promised = [], []
    for fact in facts:
        if fact.type == "tool_invocation_finished":
            result, error = book.said_of(fact)
            settled.append({"id": fact.body["invocation"], "state": fact.body["status"], "error": error,
                            "settled_at": parse(fact.at), "result": result})  # fmt: skip
        elif fact.type == "tool_invocation_started":
            promised.append({**_defaults(Invocation), **ledger.promised(book.line_of(state, fact))})
    return settled, promised


@cache
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    return {
        field.attname: field.get_default() for field in model._meta.concrete_fields if not field.primary_key
    }


def _json(model: type[models.Model], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as the columns of a table hold them: bodies encrypted where that is configured."""
    if not encryption.current():
        return _encoded(rows)
    told = [{**row} for row in rows]
    for row in told:
        for field in _bodies(model):
            if row.get(field.attname) is not None:
                row[field.attname] = field.get_db_prep_save(row[field.attname], connection)
    return _encoded(told)


def _encoded(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """JSON that only the statement reads, so that it need not be canonical; in a third of the time."""
    try:
        return to_json(rows)
    except ValueError:  # half a character, say: Postgres tells what it thinks of it
        return _in_python(rows).encode()


@cache
def _bodies(model: type[models.Model]) -> tuple[BodyField, ...]:
    return tuple(field for field in model._meta.concrete_fields if isinstance(field, BodyField))


@cache
def _statement(head: tuple[str, ...], several: bool) -> Prepared:
    """The statement, its columns taken from the models.

    Args:
        head: columns of the job that move.
        several: it settles more than one call; how many at most tells the planner to look each of them up.
    """
    told = {**{name: _type(Job, name) for name in head}, **KNOWN}
    events = [field.attname for field in Event._meta.concrete_fields if not field.primary_key]
    lines = [field.attname for field in Invocation._meta.concrete_fields]
    kept = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in (*STEP_FIELDS, "knock_at"))
    ended = _ended(several)
    job, event, step, line, worker = (
        f'"{model._meta.db_table}"' for model in (Job, Event, Step, Invocation, Worker)
    )
    return Prepared(f"""{BEGINNING} (
 UPDATE {job} SET {", ".join(_moved(job, name) for name in head)}
 FROM json_to_record($1::json) AS n({", ".join(f'"{name}" {kind}' for name, kind in told.items())})
 WHERE {job}.id = n.id AND {job}.head_seq = n.known_seq AND {job}.head_hash = n.known_hash
 AND (n.claimed_by IS NULL OR EXISTS (SELECT 1 FROM {worker} w WHERE w.id = n.claimed_by AND NOT w.dead))
 RETURNING {job}.id
), written AS (
 INSERT INTO {event} ({_listed(events)}) SELECT {_listed(events, "e.")}
 FROM head, json_to_recordset($2::json) AS e({_typed(Event, events)}) ORDER BY e.seq RETURNING 1
), removed AS (
 DELETE FROM {step} WHERE job_id = (SELECT id FROM head)
 AND node = ANY(ARRAY(SELECT json_array_elements_text($3::json))) RETURNING 1
), placed AS (
 INSERT INTO {step} ({_listed(STEP_COLUMNS)}) SELECT {_listed(STEP_COLUMNS, "s.")}
 FROM head, json_to_recordset($4::json) AS s({_typed(Step, STEP_COLUMNS)})
 ON CONFLICT (job_id, node) DO UPDATE SET {kept} RETURNING 1
), settled AS (
 UPDATE {line} SET state = l.state, settled_at = l.settled_at, error = l.error, result = COALESCE(l.result, {line}.result)
 FROM head, {ended} WHERE {line}.id = l.id RETURNING 1
), promised AS (
 INSERT INTO {line} ({_listed(lines)}) SELECT {_listed(lines, "l.")}
 FROM head, json_to_recordset($6::json) AS l({_typed(Invocation, lines)}) RETURNING 1
) SELECT (SELECT count(*) FROM head)
 / CASE WHEN (SELECT count(*) FROM head) = 0 OR (SELECT count(*) FROM settled) = $7::int THEN 1 ELSE 0 END""")  # noqa: S608 - names of our own columns


def _ended(several: bool) -> str:
    """The calls that are settled, as `l`: one, or a few."""
    columns = _typed(Invocation, ("id", "state", "settled_at", "error", "result"))
    if several:
        return f"(SELECT * FROM json_to_recordset($5::json) AS l({columns}) LIMIT {MOST}) AS l"  # noqa: S608
    return f"json_to_record($5::json) AS l({columns})"


def _moved(job: str, name: str) -> str:
    return f'"{name}" = COALESCE(n."{name}", {job}."{name}")' if name in KEPT else f'"{name}" = n."{name}"'


def _listed(columns: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in columns)


def _typed(model: type[models.Model], columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}" {_type(model, name)}' for name in columns)


def _type(model: type[models.Model], column: str) -> str:
    """The column's type without its length: what is too long is refused by the column, not cut off here."""
    kind = model._meta.get_field(column).db_type(connection)
    assert kind is not None
    return "text" if kind.startswith("varchar") else kind
