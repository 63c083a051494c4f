"""The database that the tests of one run share, and fresh copies of it.

Events are append-only: triggers forbid what Django's test runner does between tests (DELETE, TRUNCATE). So
nothing is ever flushed. The tables are made once per run, every test writes jobs of its own, and a test that
must begin with empty tables gets a copy of the template taken right after the migrations.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.servers import TEST_DATABASE_URL

RUN = f"aetheris_{os.getpid()}"  # no two runs at one time meet in the same database
TEMPLATE = f"template_{RUN}"


def choose(folder: Path) -> str:
    """The address that the settings of this run get: AETHERIS_TEST_DATABASE_URL, else a SQLite file in `folder`."""
    return os.environ.get(TEST_DATABASE_URL) or f"sqlite:///{folder / 'main.sqlite3'}"


def name_of(settings: dict[str, Any], folder: Path) -> str:
    """The name of this run's test database: a file, so that threads and other processes see it too."""
    if settings["ENGINE"].endswith("sqlite3"):
        return str(folder / "test.sqlite3")
    return f"test_{RUN}"


def url_of(settings: dict[str, Any]) -> str:
    """The address of the database that Django uses now, for processes that a test starts."""
    name = str(settings["NAME"])
    if settings["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ[TEST_DATABASE_URL])._replace(path=f"/{name}"))


def take_template(folder: Path) -> None:
    """Copy the migrated, empty test database to the side. Nothing may be connected to it."""
    from django.db import connection

    let_go()
    if connection.vendor == "sqlite":
        _copy_file(Path(str(connection.settings_dict["NAME"])), folder / TEMPLATE)
    else:
        _administer(f"CREATE DATABASE {TEMPLATE} TEMPLATE {connection.settings_dict['NAME']}")


def clear_the_way() -> None:
    """Before the test database is dropped: end connections that are left to it, and drop the template.

    A SQLite file needs neither; it goes with the folder of the run.
    """
    from django.db import connection

    let_go()
    if connection.vendor == "sqlite":
        return
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    _administer(others, connection.settings_dict["NAME"])
    _administer(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")


@contextmanager
def fresh_copy(folder: Path, name: str) -> Iterator[str]:
    """Point Django, in every thread, at a new copy of the template.

    Args:
        folder: where this run keeps its files.
        name: the copy's name, unique in the run.

    Yields:
        The copy's address, for processes that the test starts.
    """
    from django.db import connection

    settings = connection.settings_dict
    usual = settings["NAME"]
    on_file = connection.vendor == "sqlite"
    let_go()
    if on_file:
        shutil.copyfile(folder / TEMPLATE, folder / name)
    else:
        _administer(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    settings["NAME"] = str(folder / name) if on_file else name
    try:
        yield url_of(settings)
    finally:
        let_go()
        settings["NAME"] = usual
        if not on_file:
            _administer(f"DROP DATABASE {name} WITH (FORCE)")


def let_go() -> None:
    """Close this thread's connection and the pool: the next query connects to whatever is named then."""
    from django.db import connection

    connection.close()
    if hasattr(connection, "close_pool"):
        connection.close_pool()


def _copy_file(source: Path, target: Path) -> None:
    """Copy a SQLite database as of now, its write-ahead log included."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _administer(statement: str, *values: str) -> None:
    """Run one statement outside the test database. The names in it are ours, made in this module."""
    import psycopg

    with psycopg.connect(os.environ[TEST_DATABASE_URL], autocommit=True) as server:
        server.execute(statement.encode(), values or None)
