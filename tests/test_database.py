"""The database fixtures: real commits that everybody sees, nothing flushed, and fresh copies that leave no trace."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from tests import databases
from tests.conftest import pytest_collection_modifyitems

MADE = "made-here-"  # the groups of roles are there from the start
_COUNT = (
    "import django; django.setup(); from django.contrib.auth.models import Group; "
    f"print(Group.objects.filter(name__startswith={MADE!r}).count())"
)


def _groups() -> int:
    return Group.objects.filter(name__startswith=MADE).count()


def _seen_by_another_process(url: str) -> int:
    environment = {**os.environ, "AETHERIS_DATABASE_URL": url}
    command = [sys.executable, "-c", _COUNT]
    root = Path(__file__).parent.parent
    return int(subprocess.check_output(command, env=environment, cwd=root, timeout=60))


def _seen_by_another_thread() -> int:
    seen: list[int] = []

    def look() -> None:
        seen.append(_groups())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return seen[0]


def _commit_a_group() -> None:
    with transaction.atomic(durable=True):
        Group.objects.create(name=f"{MADE}{uuid.uuid4().hex}")


def test_what_a_test_commits_other_threads_and_processes_see(engine_db: str) -> None:
    before = _groups()
    _commit_a_group()
    assert _seen_by_another_thread() == before + 1
    assert _seen_by_another_process(engine_db) == before + 1


def test_a_fresh_database_has_empty_tables_for_every_thread_and_process(fresh_database: str) -> None:
    assert _groups() == 0
    _commit_a_group()
    assert _seen_by_another_thread() == 1
    assert _seen_by_another_process(fresh_database) == 1


def test_a_second_fresh_database_knows_nothing_of_the_first(fresh_database: str) -> None:
    assert _seen_by_another_thread() == _groups() == 0


def test_after_a_fresh_database_the_shared_one_is_back(engine_db: str, run_folder: Path) -> None:
    _commit_a_group()
    shared = _groups()
    with databases.fresh_copy(run_folder, f"copy_{databases.RUN}") as copy:
        assert copy != engine_db
        assert _groups() == 0
    assert _groups() == shared


def test_without_a_fixture_the_database_is_out_of_reach() -> None:
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        _groups()


def test_a_test_that_would_flush_events_is_refused(request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.django_db(transaction=True))
    with pytest.raises(pytest.UsageError, match="use the fixture engine_db"):
        pytest_collection_modifyitems([request.node])
