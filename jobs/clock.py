"""Time as the database tells it (Law L5): leases and due times are judged by one clock.

A process corrects its own clock by the offset it learned at its last heartbeat; tests move it.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

from django.db import connection

# Seconds. `_skew` imitates a host whose clock is wrong; `_shift` is how far a test has moved time.
_skew = float(os.environ.get("AETHERIS_CLOCK_SKEW", "0"))
_shift = 0.0
_offset: float | None = None


def shift(seconds: float) -> None:
    """Move time, for tests: nothing sleeps to wait for it."""
    global _shift
    _shift += seconds


def _local() -> datetime:
    return datetime.fromtimestamp(time.time() + _skew, UTC)


def now() -> datetime:
    """The database's time, as well as this process knows it without asking."""
    if _offset is None:
        return database_now()
    return _local() + timedelta(seconds=_offset + _shift)


def database_now() -> datetime:
    """Ask the database for the time, and learn the offset of this host's clock.

    SQLite lives on this host: its clock is the host's.
    """
    global _offset
    if connection.vendor != "postgresql":
        _offset = -_skew
        return _local() + timedelta(seconds=_offset + _shift)
    before = _local()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        told: datetime = cursor.fetchone()[0]
    middle = before + (_local() - before) / 2
    _offset = (told - middle).total_seconds()
    return told.astimezone(UTC) + timedelta(seconds=_shift)
