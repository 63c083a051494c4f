"""Statements of the hot path: put into words once, and only filled in after that.

Django's ORM works out the text of a statement every time. In a commit of a few rows that costs more than the database
does. These say the same as the ORM would, by the same fields, through the same connection, so that encryption,
adaptation of values, query logs and transactions are as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models import Field, Model
from django.db.models.fields import AutoFieldMixin

from .prepared import prepared_cursor

AT_ONCE = 500  # values in one list
# What a column of exactly this class stores as it is, on every database.
AS_IT_IS: dict[type[Any], type[Any]] = {
    models.CharField: str,
    models.TextField: str,
    models.BigIntegerField: int,
    models.PositiveIntegerField: int,
    models.SmallIntegerField: int,
    models.BooleanField: bool,
}


def _stored(field: Field[Any, Any], value: Any, here: Any) -> Any:
    """A value as the driver takes it for this column."""
    if value is None or type(value) is AS_IT_IS.get(type(field)):
        return value
    return field.get_db_prep_save(value, here)


class Select:
    """Columns of the rows that fit a condition.

    Args:
        model: whose rows.
        columns: what is read, each as it is stored, and a body in clear.
        given: the fields that the values of the condition belong to, in their order.
        where: the condition as SQL with a `%s` for each value, and the order.
    """

    def __init__(self, model: type[Model], columns: Sequence[str], given: Sequence[str], where: str) -> None:
        fields: dict[str, Any] = {each.attname: each for each in model._meta.concrete_fields}
        read = [fields[name] for name in columns]
        self.given = [fields[name] for name in given]
        self.shown = [(place, each) for place, each in enumerate(read) if hasattr(each, "from_db_value")]
        self.text = f"SELECT {', '.join(_quoted(each.column) for each in read)} FROM {_quoted(model._meta.db_table)} WHERE {where}"  # noqa: S608

    def __call__(self, *values: Any) -> list[tuple[Any, ...]]:
        """Read them; values beyond those that belong to fields go to the driver as they are."""
        here = connections[DEFAULT_DB_ALIAS]
        known = len(self.given)
        told = [_stored(field, value, here) for field, value in zip(self.given, values, strict=False)]
        with self._asking(here) as cursor:
            cursor.execute(
                self._numbered if here.vendor == "postgresql" else self.text, [*told, *values[known:]]
            )
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return [self._in_clear(row, here) for row in rows] if self.shown else rows

    def _asking(self, here: Any) -> Any:
        if here.vendor != "postgresql":
            return here.cursor()
        here.close_if_health_check_failed()
        here.ensure_connection()
        return prepared_cursor()

    @cached_property
    def _numbered(self) -> str:
        """The text as Postgres prepares it."""
        first, *others = self.text.split("%s")
        return first + "".join(f"${number}{part}" for number, part in enumerate(others, start=1))

    def _in_clear(self, row: tuple[Any, ...], here: Any) -> tuple[Any, ...]:
        told = list(row)
        for place, field in self.shown:
            told[place] = field.from_db_value(told[place], None, here)
        return tuple(told)


def _quoted(name: str) -> str:
    return f'"{name}"'


class Insert:
    """Rows of a model as they are; no signal is sent and no number is read back.

    Args:
        model: whose rows.
        by: the columns of a unique constraint; a row that collides there replaces what stands, in `replaced`.
        replaced: those columns.
    """

    def __init__(self, model: type[Model], *, by: Sequence[str] = (), replaced: Sequence[str] = ()) -> None:
        self.model, self.by, self.replaced = model, by, replaced
        self._texts: dict[tuple[str, int], str] = {}

    def __call__(self, rows: Sequence[Any]) -> None:
        """Write the rows, instances or what has the same attributes, in as few statements as the database takes."""
        here = connections[DEFAULT_DB_ALIAS]
        size = here.ops.bulk_batch_size(self._fields, rows) if rows else 0
        for start in range(0, len(rows), size or 1):
            batch = rows[start : start + size]
            values = [
                _stored(field, getattr(row, field.attname), here) for row in batch for field in self._fields
            ]
            with here.cursor() as cursor:
                cursor.execute(self._text(here, len(batch)), values)

    @cached_property
    def _fields(self) -> list[Field[Any, Any]]:
        return [each for each in self.model._meta.concrete_fields if not isinstance(each, AutoFieldMixin)]

    def _text(self, here: Any, rows: int) -> str:
        known = self._texts.get((here.vendor, rows))
        return known or self._texts.setdefault((here.vendor, rows), self._worded(here, rows))

    def _worded(self, here: Any, rows: int) -> str:
        quoted = {each.name: here.ops.quote_name(str(each.column)) for each in self._fields}
        row = f"({', '.join(['%s'] * len(quoted))})"
        table = here.ops.quote_name(self.model._meta.db_table)
        text = f"INSERT INTO {table} ({', '.join(quoted.values())}) VALUES {', '.join([row] * rows)}"  # noqa: S608
        if not self.by:
            return text
        keys = ", ".join(quoted[name] for name in self.by)
        changes = ", ".join(f"{quoted[name]} = EXCLUDED.{quoted[name]}" for name in self.replaced)
        return f"{text} ON CONFLICT ({keys}) DO UPDATE SET {changes}"


class Update:
    """Columns of the rows that have given values in others.

    Args:
        model: whose rows.
        where: the columns that are compared.
        provided: one more condition as SQL, with a `%s` for what `given` brings.
    """

    def __init__(self, model: type[Model], *where: str, provided: str = "") -> None:
        self.model, self.where, self.provided = model, where, provided
        self._texts: dict[tuple[str, tuple[str, ...]], str] = {}

    def __call__(self, where: Sequence[Any], changes: Mapping[str, Any], given: Sequence[Any] = ()) -> int:
        """Change them.

        Args:
            where: a value for each column that is compared.
            changes: the new values, by field.
            given: values of the further condition, as the driver takes them.

        Returns:
            How many rows there were.
        """
        names = (*changes, *self.where)
        values = (*changes.values(), *where)
        here = connections[DEFAULT_DB_ALIAS]
        told = [_stored(self._fields[name], value, here) for name, value in zip(names, values, strict=True)]
        with here.cursor() as cursor:
            cursor.execute(self._text(here, tuple(changes)), [*told, *given])
            return int(cursor.rowcount)

    @cached_property
    def _fields(self) -> dict[str, Field[Any, Any]]:
        fields = self.model._meta.concrete_fields
        return {name: each for each in fields for name in (each.name, each.attname)}

    def _text(self, here: Any, changed: tuple[str, ...]) -> str:
        key = here.vendor, changed
        return self._texts.get(key) or self._texts.setdefault(key, self._worded(here, changed))

    def _worded(self, here: Any, changed: tuple[str, ...]) -> str:
        def column(name: str) -> str:
            return here.ops.quote_name(str(self._fields[name].column))

        table = here.ops.quote_name(self.model._meta.db_table)
        changes = ", ".join(f"{column(name)} = %s" for name in changed)
        where = " AND ".join(f"{column(name)} = %s" for name in self.where)
        more = f" AND {self.provided}" if self.provided else ""
        return f"UPDATE {table} SET {changes} WHERE {where}{more}"  # noqa: S608


class Delete:
    """The rows that have a given value in one column and one of several in another.

    Args:
        model: whose rows; nothing refers to them, for no other row goes with them.
        where: the first column.
        among: the second.
    """

    def __init__(self, model: type[Model], where: str, among: str) -> None:
        fields: dict[str, Field[Any, Any]] = {each.name: each for each in model._meta.concrete_fields}
        self.table, self.where, self.among = model._meta.db_table, fields[where], fields[among]

    def __call__(self, where: Any, among: Sequence[Any]) -> None:
        """Remove them."""
        here = connections[DEFAULT_DB_ALIAS]
        first = _stored(self.where, where, here)
        names = (self.table, self.where.column, self.among.column)
        table, column, one_of = (here.ops.quote_name(str(name)) for name in names)
        for start in range(0, len(among), AT_ONCE):
            batch = [_stored(self.among, each, here) for each in among[start : start + AT_ONCE]]
            marks = ", ".join(["%s"] * len(batch))
            text = f"DELETE FROM {table} WHERE {column} = %s AND {one_of} IN ({marks})"  # noqa: S608
            with here.cursor() as cursor:
                cursor.execute(text, [first, *batch])
