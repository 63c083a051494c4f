"""One moment of the database lasts as long as its reader needs, and the limit of other work stays as it was."""

from __future__ import annotations

import time

import pytest
from django.db import connection

from forensics.record import snapshot

LIMIT = "idle_in_transaction_session_timeout"


def test_a_reader_may_think_longer_than_a_writer_may_keep_its_locks(engine_db: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite ends no transaction that is idle")
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {LIMIT}")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET {LIMIT} = '2s'")
        try:
            with snapshot():
                cursor.execute("SELECT 1")
                time.sleep(3)  # as one does who puts a large package together
                cursor.execute("SELECT 2")
                assert cursor.fetchone() == (2,)
            cursor.execute(f"SHOW {LIMIT}")
            assert cursor.fetchone() == ("2s",)
        finally:
            cursor.execute(f"SET {LIMIT} = '{before}'")
