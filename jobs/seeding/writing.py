"""Rows into tables, many at once: COPY on Postgres, bulk inserts elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Model

from ledger import encryption

from ..turns import turn

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def columns_of(model: type[Model]) -> list[str]:
    """The columns that a row is written with: all but a number that the database gives."""
    return [field.attname for field in _written(model)]


def _written(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if field.get_internal_type() != "BigAutoField"]


def insert(made: Mapping[type[Model], Sequence[Sequence[Any]]]) -> None:
    """Insert rows of several tables; needs a transaction.

    Args:
        made: rows by table, their values in the order of `columns_of`.
    """
    for model, rows in made.items():
        if not rows:
            continue
        if connection.vendor == "postgresql" and not encryption.configured():
            _copy(model, rows)
        else:
            names = columns_of(model)
            found = [model(**dict(zip(names, row, strict=True))) for row in rows]
            model._default_manager.bulk_create(found, batch_size=500)


def _copy(model: type[Model], rows: Iterable[Sequence[Any]]) -> None:
    names = ", ".join(f'"{field.column}"' for field in _written(model))
    statement = f'COPY "{model._meta.db_table}" ({names}) FROM STDIN'
    connection.ensure_connection()
    with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write("".join(["\t".join([_cell(value) for value in row]) + "\n" for row in rows]))


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return value.translate(ESCAPES) if "\\" in value else value  # ours hold no control characters
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def analyse() -> None:
    """Let the database learn how much there is now, so that its plans are those of a database that has grown."""
    with turn(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
