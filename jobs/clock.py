"""Time as the database tells it (Law L5): leases and due times are judged by one clock.

Between two looks at it a process counts on by its monotonic clock: the host's own time may be wrong, or jump.
Tests move time.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from django.db import connection

_shift = 0.0  # seconds by which a test has moved time
_offset: float | None = None  # from the monotonic clock to the database's time


def shift(seconds: float) -> None:
    """Move time, for tests: nothing sleeps to wait for it."""
    global _shift
    _shift += seconds


def now() -> datetime:
    """The database's time, as well as this process knows it without asking."""
    if _offset is None:  # never asked, or SQLite
        return database_now()
    return datetime.fromtimestamp(time.monotonic() + _offset + _shift, UTC)


def database_now() -> datetime:
    """Ask the database for the time, and learn what it is on this host's monotonic clock.

    SQLite lives on this host: its clock is the host's.
    """
    global _offset
    if connection.vendor != "postgresql":
        return datetime.fromtimestamp(time.time(), UTC) + timedelta(seconds=_shift)
    before = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        told: datetime = cursor.fetchone()[0]
    _offset = told.timestamp() - (before + time.monotonic()) / 2
    return told.astimezone(UTC) + timedelta(seconds=_shift)
