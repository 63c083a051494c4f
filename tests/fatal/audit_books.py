"""The auditor's reading of a database: every table in one snapshot, in plain SQL, with times as the events write them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg

Row = dict[str, Any]
TABLES = {
    "jobs": "aetheris_jobs_job",
    "events": "aetheris_jobs_event",
    "steps": "aetheris_jobs_step",
    "approvals": "aetheris_jobs_approval",
    "deliveries": "aetheris_jobs_delivery",
    "workers": "aetheris_jobs_worker",
    "lines": "aetheris_ledger_invocation",
    "instances": "aetheris_jobs_agent",
    "tombstones": "aetheris_jobs_tombstone",
    "parts": "aetheris_jobs_blob",
}
_IDS = {
    "id",
    "job_id",
    "worker",
    "origin",
    "parent_job",
    "recalled_from",
    "awaits",
    "forked_from",
    "compensates",
    "instance",
    "kept",
    "current",
    "last_job",
}
_FLAGS = {"holds", "probe", "four_eyes", "dead", "known_dead", "draining"}


@dataclass(frozen=True)
class Event:
    """One event, with its body read."""

    seq: int
    kind: str
    node: str
    at: str
    body: dict[str, Any]
    row: Row


@dataclass(frozen=True)
class Books:
    """Everything that a database holds at one moment; the rows of a job by its id."""

    jobs: Mapping[str, Row]
    events: Mapping[str, list[Event]]
    steps: Mapping[str, list[Row]]
    approvals: Mapping[str, list[Row]]
    lines: Mapping[str, list[Row]]
    deliveries: list[Row]
    workers: Mapping[str, Row]
    instances: Mapping[str, Row]
    tombstones: Mapping[str, Row]


def connect(url: str) -> Any:
    """A connection of the auditor's own."""
    if url.startswith("sqlite"):
        return sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)
    return psycopg.connect(url, connect_timeout=5)


def rows(connection: Any, statement: str) -> list[Row]:
    """The rows of a statement, each as a dict."""
    cursor = connection.execute(statement)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query(url: str, statement: str) -> list[Row]:
    """The rows of one statement, as the database gives them."""
    with closing(connect(url)) as connection:
        return rows(connection, statement)


class Reader:
    """Reads over a connection that is kept, for somebody who looks very often; a lost one is made anew."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line: Any = None

    def query(self, statement: str) -> list[Row]:
        """The rows of one statement, as the database gives them."""
        if self._line is not None:
            try:
                return rows(self._line, statement)
            except (psycopg.OperationalError, psycopg.InterfaceError):
                self.close()
        self._line = connect(self._url)
        if isinstance(self._line, psycopg.Connection):
            self._line.autocommit = True  # no transaction stays open between two looks
        return rows(self._line, statement)

    def close(self) -> None:
        """Give the connection back."""
        if self._line is not None:
            self._line.close()
            self._line = None


@contextmanager
def writer_stands_aside(url: str) -> Iterator[None]:
    """On SQLite, be the one writer, so that no other process is in the middle of a write."""
    if not url.startswith("sqlite"):
        yield
        return
    with closing(
        sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def read(url: str) -> Books:
    """Read all tables as they were at one moment."""
    with closing(connect(url)) as connection:
        if url.startswith("sqlite"):
            connection.execute("BEGIN")
        else:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        every = {name: rows(connection, f"SELECT * FROM {table}") for name, table in TABLES.items()}  # noqa: S608
    tidy = {name: [as_read(row) for row in found] for name, found in every.items()}
    events = _by_job(sorted(tidy["events"], key=lambda row: row["seq"]))
    parts = {row["sha256"]: row["text"] for row in tidy["parts"]}
    said = {job: _erased(found, parts) for job, found in events.items()}
    return Books(
        jobs={row["id"]: row for row in tidy["jobs"]},
        events={job: [_event(row, said) for row in found] for job, found in events.items()},
        steps=_by_job(tidy["steps"]),
        approvals=_by_job(tidy["approvals"]),
        lines=_by_job(tidy["lines"]),
        deliveries=tidy["deliveries"],
        workers={row["id"]: row for row in tidy["workers"]},
        instances={row["id"]: row for row in tidy["instances"]},
        tombstones={row["job_id"]: row for row in tidy["tombstones"]},
    )


def text(id: Any) -> str:
    """An id as the API writes it; SQLite keeps it without dashes."""
    return str(UUID(str(id)))


def moment(value: Any) -> str | None:
    """A time of either database as the events write it."""
    if value is None:
        return None
    told = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    return told.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(value: Any) -> str:
    """The one text of a value (contract: events and the chain)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


class Gone(dict[str, Any]):
    """What stands in the place of arguments that were erased; their digest is there only if a key hangs on it."""


def arguments(asked: Event) -> Any:
    """The arguments of a call, by the event that asked for it."""
    args = asked.body["args"]
    return Gone(args) if asked.row["body"] is None and args.get("erased") else args


def digest(args: Any) -> str:
    """The digest of a call's arguments, as its line has it."""
    if isinstance(args, Gone):
        return str(args.get("sha256", ""))
    return hashlib.sha256(canonical(args).encode()).hexdigest()


def as_read(row: Row) -> Row:
    """A row with ids, flags and times in the one form that the events have."""
    return {name: _plain(name, value, row) for name, value in row.items()}


def _plain(name: str, value: Any, row: Row) -> Any:
    if value is None:
        return None
    if name in _IDS and not (name == "id" and isinstance(value, int)):
        return text(value)
    if name in _FLAGS:
        return bool(value)
    if name in ("deadline", "decided_at") or name.endswith(("_at", "_until")):
        return moment(value)
    return value


def _erased(found: list[Row], parts: Mapping[str, str]) -> dict[int, Any]:
    """What the afterwords of a job say of the events that were erased; a long one stands in parts of its own."""
    told: dict[int, Any] = {}
    for row in found:
        if row["type"] == "payload_erased" and row["body"] is not None:
            body = json.loads(row["body"])
            body |= {name: json.loads(parts[body[name]["sha256"]]) for name in body.get("$blobs", ())}
            told |= dict(zip(body["seq"], body["legible"], strict=True))
    return told


def _event(row: Row, said: Mapping[str, dict[int, Any]]) -> Event:
    """An event; one whose body was erased has what a later one says of it."""
    told = said.get(row["job_id"], {}).get(row["seq"], {})
    body = {**told, "erased": True} if row["body"] is None else json.loads(row["body"])
    return Event(row["seq"], row["type"], row["node"], row["at"], body, row)


def _by_job(found: list[Row]) -> dict[str, list[Row]]:
    told: dict[str, list[Row]] = {}
    for row in found:
        told.setdefault(row["job_id"], []).append(row)
    return told
