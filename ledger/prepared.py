"""Statements that Postgres prepares once on each connection: through a cursor, or given to libpq as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections

PREPARED_AFTER, PREPARED_AFTER_MORE = 0, 5  # executions on one connection
GONE = b"26000"  # a statement that is not there (any more): nothing was executed
THERE = b"42P05"  # one that is there already; its name is a digest of its text
_known: WeakKeyDictionary[Any, set[bytes]] = WeakKeyDictionary()  # what each connection has prepared


def prepared_cursor() -> Any:
    """A cursor that binds on the server, so that a statement is planned once for each connection; on Postgres.

    Where a pooler hands connections on between transactions (`DISABLE_SERVER_SIDE_CURSORS`), nothing is prepared.
    """
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    raw: Any = wrapper.connection
    # Where all that a connection says is bound on the server, all of it might be prepared.
    binds = wrapper.features.uses_server_side_binding
    if not wrapper.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] and raw.prepare_threshold is None:
        raw.prepare_threshold = PREPARED_AFTER_MORE if binds else PREPARED_AFTER
    wrapped = wrapper.make_cursor if binds else wrapper._prepare_cursor  # its query log knows no $1
    return wrapped(_raw_cursor()(raw))


class Prepared:
    """A statement that takes texts, in UTF-8, and answers with one number; on Postgres, outside any transaction.

    It is its own transaction, in one round trip: prepared once on each connection, and given to libpq as it is. A cursor
    does the same in three times the instructions, and is what takes it where somebody looks on: a query log, a wrapper
    around statements, a pooler that hands connections on.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._name = b"aetheris_" + sha256(text.encode()).hexdigest()[:16].encode()

    def __call__(self, *values: bytes) -> int:
        """Execute it.

        Raises:
            django.db.Error: as a cursor would raise it.
        """
        wrapper: Any = connections[DEFAULT_DB_ALIAS]
        wrapper.ensure_connection()
        looked_at = wrapper.queries_logged or wrapper.execute_wrappers
        if looked_at or wrapper.in_atomic_block or wrapper.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]:
            with prepared_cursor() as cursor:
                cursor.execute(self.text, [each.decode() for each in values])
                return int(cursor.fetchone()[0])
        with wrapper.wrap_database_errors:
            return self._straight(wrapper.connection, values)

    def _straight(self, raw: Any, values: Sequence[bytes]) -> int:
        if self._name not in _known.setdefault(raw, set()):
            self._prepare(raw)
        done = raw.pgconn.exec_prepared(self._name, values)
        if done.status not in _fine() and _code(done) == GONE:
            self._prepare(raw)  # psycopg lets go of all that is prepared after a rollback
            done = raw.pgconn.exec_prepared(self._name, values)
        return int(_good(done).get_value(0, 0))

    def _prepare(self, raw: Any) -> None:
        done = raw.pgconn.prepare(self._name, self.text.encode())
        if _code(done) != THERE:
            _good(done)
        _known[raw].add(self._name)


def _code(result: Any) -> bytes | None:
    from psycopg.pq import DiagnosticField

    code: bytes | None = result.error_field(DiagnosticField.SQLSTATE)
    return code


@cache
def _fine() -> tuple[Any, ...]:
    """How a statement ends that did what it says."""
    from psycopg.pq import ExecStatus

    return ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK


def _good(result: Any) -> Any:
    """The result, or the error that it is; one without a code is of a connection that is gone."""
    if result.status in _fine():
        return result
    from psycopg.errors import OperationalError, error_from_result

    if _code(result) is None:
        raise OperationalError(result.get_error_message("utf-8") or "the connection is lost")
    raise error_from_result(result)


@cache
def _raw_cursor() -> Any:
    """The cursor for statements that number their parameters: it does not look for them in the text."""
    from psycopg import RawCursor

    class Prepared(RawCursor[Any]):
        def _send_query_prepared(self, name: bytes, pgq: Any, **more: Any) -> None:
            self._query = pgq  # for Django's query log, which else knows no text of what is prepared
            super()._send_query_prepared(name, pgq, **more)

    return Prepared
