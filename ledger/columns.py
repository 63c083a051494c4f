"""Columns of our tables that hold what a user gave or got: encrypted at rest where keys are configured."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Func, Value

from ledger import encryption


class BodyField(models.TextField):  # type: ignore[type-arg]
    """A text that is encrypted when it is stored and decrypted when it is read, if `AETHERIS["ENCRYPTION"]` says so.

    The database sees ciphertext: a condition on such a column may ask whether it is NULL, and for nothing else. In
    migrations it is the text column that it is in the database.
    """

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs

    @property
    def place(self) -> str:
        """`table.column`: what its texts are bound to."""
        return f"{self.model._meta.db_table}.{self.column}"

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return value if value is None else encryption.shown(value, self.place)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        written = super().get_db_prep_save(value, connection)
        return encryption.hide(written, self.place) if isinstance(written, str) else written


class Beginning(Func):
    """The first characters of a body column; the database cuts them off where it can read them.

    Args:
        column: name of a `BodyField`.
        size: characters.
    """

    function = "SUBSTR"

    def __init__(self, column: str, size: int) -> None:
        super().__init__(F(column), Value(1), Value(size), output_field=models.TextField())
        self.size = size

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> Any:
        if encryption.configured():
            return compiler.compile(self.get_source_expressions()[0])
        return super().as_sql(compiler, connection, *args, **more)

    def get_db_converters(self, connection: Any) -> Any:
        return [self._read]

    def _read(self, value: str | None, expression: Any, connection: Any) -> str | None:
        if value is None:
            return None
        return encryption.shown(value, self.get_source_expressions()[0].target.place)[: self.size]


class Size(Func):
    """The length of a body column's text, in characters.

    Args:
        column: name of a `BodyField`.
    """

    function = "LENGTH"

    def __init__(self, column: str) -> None:
        super().__init__(F(column), output_field=models.IntegerField())

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **more: Any) -> Any:
        if encryption.configured():
            return compiler.compile(self.get_source_expressions()[0])
        return super().as_sql(compiler, connection, *args, **more)

    def get_db_converters(self, connection: Any) -> Any:
        return [self._read]

    def _read(self, value: Any, expression: Any, connection: Any) -> int | None:
        if not isinstance(value, str):
            return value
        return len(encryption.shown(value, self.get_source_expressions()[0].target.place))
