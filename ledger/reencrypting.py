"""Writing stored texts again under the key that is current: what they say does not change, so no digest does.

It works on the texts as they are stored; each row is written only if nobody has written it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model

from ledger import encryption
from ledger.columns import BodyField


@dataclass(frozen=True)
class Stored:
    """A row's texts as they are stored, by column; `key` is its primary key, `owner` another column's value."""

    key: Any
    owner: Any
    texts: dict[str, str]


@dataclass
class Told:
    """How far it went.

    Args:
        rows: rows that were written again.
        changed: rows that somebody else wrote meanwhile; the next run looks at them.
        unreadable: `table, primary key` of rows that cannot be decrypted: they are left as they are.
    """

    rows: int = 0
    changed: int = 0
    unreadable: tuple[str, ...] = ()

    def __add__(self, other: Told) -> Told:
        return Told(self.rows + other.rows, self.changed + other.changed, self.unreadable + other.unreadable)


def columns_of(model: type[Model]) -> list[str]:
    """The columns of a table that hold bodies."""
    return [str(each.column) for each in model._meta.concrete_fields if isinstance(each, BodyField)]


def counted(model: type[Model], tenant: str | None = None) -> dict[str, int]:
    """How many texts of a table (of one tenant, or of all) stand under each key; "" is clear text."""
    found: dict[str, int] = {}
    whose = "" if tenant is None else " AND tenant = %s"
    table, start = model._meta.db_table, len(encryption.PREFIX) + 1
    with connection.cursor() as cursor:
        for column in columns_of(model):
            name = f'"{column}"'
            cursor.execute(
                f"SELECT CASE WHEN {name} LIKE %s THEN SUBSTR({name}, %s, 33) ELSE '' END AS began, COUNT(*) "  # noqa: S608 - names of our own tables
                f"FROM {table} WHERE {name} IS NOT NULL AND {name} <> ''{whose} GROUP BY began",
                [f"{encryption.PREFIX}%", start, *([] if tenant is None else [tenant])],
            )
            for began, count in cursor.fetchall():
                key = began.split(".")[0]
                found[key] = found.get(key, 0) + count
    return found


def stale(model: type[Model], owner: str, size: int, tenant: str | None = None) -> Iterator[list[Stored]]:
    """Batches of rows with a text that is not as it would be written now, in the order of their primary keys.

    Args:
        model: whose rows.
        owner: a column that says to what a row belongs.
        size: of a batch.
        tenant: only this one's; None: all.
    """
    columns, table = columns_of(model), model._meta.db_table
    key = model._meta.pk.column
    now = f"{encryption.PREFIX}{encryption.current()}." if encryption.current() else ""
    test, pattern = ("NOT LIKE", f"{now}%") if now else ("LIKE", f"{encryption.PREFIX}%")
    old = " OR ".join(f'("{each}" <> \'\' AND "{each}" {test} %s)' for each in columns)
    names = ", ".join(f'"{each}"' for each in columns)
    last: Any = None
    while True:
        further = {"tenant = %s": tenant, f'"{key}" > %s': last}
        beyond = "".join(f" AND {test}" for test, value in further.items() if value is not None)
        values = [*([pattern] * len(columns)), *(each for each in further.values() if each is not None), size]
        with connection.cursor() as cursor:
            cursor.execute(
                f'SELECT "{key}", "{owner}", {names} FROM {table} WHERE ({old}){beyond} ORDER BY "{key}" LIMIT %s',  # noqa: S608 - the same
                values,
            )
            rows = cursor.fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield [
            Stored(row[0], row[1], {
                each: text for each, text in zip(columns, row[2:], strict=True) if text
            })
            for row in rows
        ]  # fmt: skip


def rewrite(model: type[Model], rows: Sequence[Stored]) -> Told:
    """Write rows again under the current key, in the caller's transaction.

    Raises:
        ledger.encryption.Unreadable: a key that some of them need is not configured.
    """
    told = Told()
    for row in rows:
        told += _rewrite(model, row)
    return told


def _rewrite(model: type[Model], row: Stored) -> Told:
    table = model._meta.db_table
    new: dict[str, str] = {}
    for column, text in row.texts.items():
        place = f"{table}.{column}"
        clear = encryption.shown(text, place)
        if encryption.encrypted(clear):
            return Told(unreadable=(f"{table} {row.key}",))
        new[column] = encryption.hide(clear, place)
    sets = ", ".join(f'"{column}" = %s' for column in new)
    same = " AND ".join(f'"{column}" = %s' for column in new)
    key = model._meta.pk.column
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE {table} SET {sets} WHERE "{key}" = %s AND {same}',  # noqa: S608 - the same
            [*new.values(), row.key, *row.texts.values()],
        )
        return Told(rows=1) if cursor.rowcount else Told(changed=1)
