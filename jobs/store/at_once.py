"""On Postgres, an append of an ordinary step as one statement: head, events, agenda, settlement, promise (design §11).

The statement writes what `writing.append` writes with one statement each, in the same order of locks: everything else hangs
on the row that moved the head. Appends that touch other jobs, business keys, approvals or parts that stand elsewhere are not
ordinary, and are written there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from ledger import services as ledger
from ledger.models import Invocation

from ..core.events import Fact
from ..core.moments import parse
from ..core.state import JobState
from ..models import Event, Job, Step, Worker
from ..rows import STEP_FIELDS, changed_steps, job_row
from . import book

PREPARED_AFTER = 5  # executions of the statement on one connection
ORDINARY = frozenset({
    "plan_generated", "node_started", "command_emitted", "tool_invocation_started", "tool_invocation_finished",
    "command_committed", "reasoning_snapshot", "effect_recorded", "node_finished", "node_skipped", "job_completed",
})  # fmt: skip
KNOWN = {"id": "uuid", "known_seq": "bigint", "known_hash": "text", "claimed_by": "uuid"}
STEP_COLUMNS = ("job_id", "node", *STEP_FIELDS, "knock_at")


def fits(before: JobState, after: JobState, facts: Iterable[Fact]) -> bool:
    """Whether the statement can write it all: one call may end and one may begin, and nobody else is concerned."""
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
    return len(ended) < 2 and len(begun) < 2 and not ended & begun


def _concerns_others(state: JobState, fact: Fact) -> bool:
    """Whether another job, or an agent instance, waits for it."""
    if fact.type == "command_emitted":
        return bool(fact.body["command"] == "send")
    if fact.type != "job_completed":
        return False
    waiting = any(asked.kind == "child" and asked.status == "waiting" for asked in state.calls.values())
    return waiting or state.parent is not None or state.message is not None


def write(
    events: Iterable[Event], before: JobState, after: JobState, facts: Iterable[Fact], worker: str | None
) -> bool:
    """Write them, in the transaction that is open.

    Returns:
        False, and nothing is written, if the head is not the one that was known or the worker is dead.

    Raises:
        LookupError: the book has no line of the call that is to be settled.
        IntegrityError: two workers at one promise.
    """
    rows, removed = changed_steps(before, after)
    events = list(events)
    settled, promised = _lines(after, facts)
    head = job_row(after)
    if head["output"] is None:
        del head["output"]
    head["head_hash"] = events[-1].hash
    known = {"id": after.job, "known_seq": before.seq, "known_hash": events[0].prev, "claimed_by": worker}
    told = [
        _json(Job, [head | known])[1:-1],
        _json(Event, [each.__dict__ for each in events]),
        json.dumps(removed),
        _json(Step, [each.__dict__ for each in rows]),
        _json(Invocation, settled)[1:-1] or "{}",
        _json(Invocation, promised),
    ]
    with _cursor() as cursor:
        cursor.execute(_statement(tuple(head)), told)
        moved, _, _, _, ended, _ = cursor.fetchone()
    if moved and ended != len(settled):
        raise LookupError(f"the ledger has no line {settled[0]['id']}, which is to be settled")
    return bool(moved)


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


def _json(model: type[models.Model], rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> str:
    """Rows as the columns of a table hold them: bodies encrypted where that is configured."""
    return json.dumps([_row(_bodies(model), row) for row in rows], default=str, separators=(",", ":"))


def _row(bodies: tuple[models.Field[Any, Any], ...], row: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in row.items() if name != "_state"}
    for field in bodies:
        if told.get(field.attname) is not None:
            told[field.attname] = field.get_db_prep_save(told[field.attname], connection)
    return told


@cache
def _bodies(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if isinstance(field, models.TextField))


def _cursor() -> Any:
    """A cursor that binds on the server, so that the statement is planned once for each connection.

    Where a pooler hands connections on between transactions (`DISABLE_SERVER_SIDE_CURSORS`), nothing is prepared.
    """
    from django.db.backends.postgresql.base import ServerBindingCursor

    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    raw: Any = wrapper.connection
    if not wrapper.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] and raw.prepare_threshold is None:
        raw.prepare_threshold = PREPARED_AFTER
    cursor: Any = ServerBindingCursor
    return wrapper._prepare_cursor(cursor(raw))


@cache
def _statement(head: tuple[str, ...]) -> str:
    """The statement, its columns taken from the models; `head` are those of the job that move."""
    told = {**{name: _type(Job, name) for name in head}, **KNOWN}
    events = [field.attname for field in Event._meta.concrete_fields if not field.primary_key]
    lines = [field.attname for field in Invocation._meta.concrete_fields]
    kept = ", ".join(f'"{name}" = EXCLUDED."{name}"' for name in (*STEP_FIELDS, "knock_at"))
    settled = _typed(Invocation, ("id", "state", "settled_at", "error", "result"))
    job, event, step, line, worker = (
        f'"{model._meta.db_table}"' for model in (Job, Event, Step, Invocation, Worker)
    )
    return f"""WITH head AS (
 UPDATE {job} SET {", ".join(f'"{name}" = n."{name}"' for name in head)}
 FROM json_to_record(%s::json) AS n({", ".join(f'"{name}" {kind}' for name, kind in told.items())})
 WHERE {job}.id = n.id AND {job}.head_seq = n.known_seq AND {job}.head_hash = n.known_hash
 AND (n.claimed_by IS NULL OR EXISTS (SELECT 1 FROM {worker} w WHERE w.id = n.claimed_by AND NOT w.dead))
 RETURNING {job}.id
), written AS (
 INSERT INTO {event} ({_listed(events)}) SELECT {_listed(events, "e.")}
 FROM head, json_to_recordset(%s::json) AS e({_typed(Event, events)}) ORDER BY e.seq RETURNING 1
), removed AS (
 DELETE FROM {step} WHERE job_id = (SELECT id FROM head)
 AND node = ANY(ARRAY(SELECT json_array_elements_text(%s::json))) RETURNING 1
), placed AS (
 INSERT INTO {step} ({_listed(STEP_COLUMNS)}) SELECT {_listed(STEP_COLUMNS, "s.")}
 FROM head, json_to_recordset(%s::json) AS s({_typed(Step, STEP_COLUMNS)})
 ON CONFLICT (job_id, node) DO UPDATE SET {kept} RETURNING 1
), settled AS (
 UPDATE {line} SET state = l.state, settled_at = l.settled_at, error = l.error, result = COALESCE(l.result, {line}.result)
 FROM head, json_to_record(%s::json) AS l({settled}) WHERE {line}.id = l.id RETURNING 1
), promised AS (
 INSERT INTO {line} ({_listed(lines)}) SELECT {_listed(lines, "l.")}
 FROM head, json_to_recordset(%s::json) AS l({_typed(Invocation, lines)}) RETURNING 1
) SELECT (SELECT count(*) FROM head), (SELECT count(*) FROM written), (SELECT count(*) FROM removed),
 (SELECT count(*) FROM placed), (SELECT count(*) FROM settled), (SELECT count(*) FROM promised)"""  # noqa: S608 - names of our own columns


def _listed(columns: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in columns)


def _typed(model: type[models.Model], columns: Iterable[str]) -> str:
    return ", ".join(f'"{name}" {_type(model, name)}' for name in columns)


def _type(model: type[models.Model], column: str) -> str:
    """The column's type without its length: what is too long is refused by the column, not cut off here."""
    kind = model._meta.get_field(column).db_type(connection)
    assert kind is not None
    return "text" if kind.startswith("varchar") else kind
