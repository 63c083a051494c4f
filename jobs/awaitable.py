"""Values that may be awaited: `ctx.now()` and `await ctx.now()` give the same in `async def`."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Generator
from typing import Any


class _Awaited:
    def __await__(self) -> Generator[None, None, Any]:
        return self._plain()  # type: ignore[attr-defined]
        yield


class _Datetime(_Awaited, datetime.datetime):
    def _plain(self) -> datetime.datetime:
        return datetime.datetime.fromisoformat(self.isoformat())


class _Float(_Awaited, float):
    def _plain(self) -> float:
        return float(self)


class _UUID(_Awaited, uuid.UUID):
    def _plain(self) -> uuid.UUID:
        return uuid.UUID(int=self.int)


class _Bool(_Awaited, int):
    def _plain(self) -> bool:
        return bool(self)


class _Nothing(_Awaited):
    def _plain(self) -> None:
        return None


def awaitable(value: Any) -> Any:
    """The same value, which may also be awaited."""
    if value is None:
        return _Nothing()
    if isinstance(value, bool):
        return _Bool(value)
    if isinstance(value, datetime.datetime):
        return _Datetime.fromisoformat(value.isoformat())
    if isinstance(value, uuid.UUID):
        return _UUID(int=value.int)
    return _Float(value)
