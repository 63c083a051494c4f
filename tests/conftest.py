"""What every test shares: the settings it runs under, its database, servers, and property-test profiles.

`pytest` alone runs everything on SQLite; `python -m tests` (that is `make test`) runs the tests marked
`engine` a second time on Postgres. Tests of the engine use `engine_db`, which commits for real and never
flushes (see `tests/databases.py`), so each test makes jobs and tenants of its own and looks only at those.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_django
from hypothesis import HealthCheck, settings

from tests import databases
from tests.binaries import ServerMissing
from tests.required import missing
from tests.servers import TEST_DATABASE_URL, Postgres, Valkey

ROOT = Path(__file__).parent.parent
FATAL = Path(__file__).parent / "fatal"
SITE = all(
    (ROOT / part).exists() for part in ("aetheris_site/settings.py", "jobs/agents.py", "jobs/periodic.py")
)
Server = TypeVar("Server", Postgres, Valkey)
FOLDER = Path(tempfile.mkdtemp(prefix="aetheris-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

# Before Django reads its settings: a run of the tests never touches a developer's own database or broker.
for _name in [name for name in os.environ if name.startswith("AETHERIS_")]:
    if not _name.startswith("AETHERIS_TEST_") and _name != "AETHERIS_REQUIRE":
        del os.environ[_name]
if SITE:
    os.environ["DJANGO_SETTINGS_MODULE"] = "aetheris_site.settings"
os.environ["AETHERIS_VAR"] = str(FOLDER / "var")
os.environ["AETHERIS_DATABASE_URL"] = databases.choose(FOLDER)

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the engine's database, and refuse the one database fixture that would flush it."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if {"engine_db", "fresh_database"} & fixtures:
            item.add_marker("engine")
        if FATAL in item.path.parents:
            item.add_marker("side_by_side")
        mark = item.get_closest_marker("django_db")
        if "transactional_db" in fixtures or (mark and mark.kwargs.get("transaction")):
            raise pytest.UsageError(
                f"{item.nodeid} asks for a transactional django_db, whose flush the append-only triggers "
                "refuse; use the fixture engine_db, or fresh_database for empty tables"
            )


def pytest_configure() -> None:
    """Load the settings now, so that pytest-django finds them and sets Django up before tests are collected."""
    if SITE:
        from django.conf import settings as django_settings

        assert django_settings.DATABASES


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """The folder of this run: its databases; short enough for sockets; removed at the end."""
    return FOLDER


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
) -> Iterator[None]:
    """Make the tables once per run, and a template of them if some test wants a fresh database.

    Replaces pytest-django's, which makes only the databases of tests that bear its own mark.
    """
    from django.db import connection
    from django.test.utils import setup_databases, teardown_databases

    database = connection.settings_dict
    database["TEST"]["NAME"] = databases.name_of(database, FOLDER)
    wanted = any("fresh_database" in getattr(item, "fixturenames", ()) for item in request.session.items)
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        if wanted:
            databases.take_template(FOLDER)
    yield
    with django_db_blocker.unblock():
        databases.clear_the_way()
        teardown_databases(made, verbosity=0)


@pytest.fixture
def engine_db(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[str]:
    """The shared test database, committing for real. Nothing is rolled back and nothing is flushed.

    Yields:
        Its address, to hand to processes as AETHERIS_DATABASE_URL.
    """
    from django.db import connection, connections

    with django_db_blocker.unblock():
        yield databases.url_of(connection.settings_dict)
        connections.close_all()


@pytest.fixture
def fresh_database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[str]:
    """A database of this test's own with empty tables, copied from the template; Django uses it meanwhile.

    Yields:
        Its address, to hand to processes as AETHERIS_DATABASE_URL.
    """
    number = request.session.items.index(request.node)
    name = f"fresh_{databases.RUN}_{number}"
    with django_db_blocker.unblock(), databases.fresh_copy(FOLDER, name) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a Postgres that the tests of this run share: the given one, or one without fsync."""
    if given := os.environ.get(TEST_DATABASE_URL):
        yield given
        return
    with _here("postgres", lambda: Postgres(fsync=False)) as server:
        yield server.url


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A running Postgres with fsync for one test that stops, kills and starts it."""
    with _here("postgres", Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def shared_valkey() -> Iterator[Valkey]:
    """A running Valkey that the tests of this run share; none of them stops it."""
    with _here("valkey", Valkey) as server:
        yield server


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """A running Valkey that keeps its data, for one test that stops, kills and starts it."""
    with _here("valkey", lambda: Valkey(durable=True)) as server:
        yield server


@contextmanager
def _here(part: str, make: Callable[[], Server]) -> Iterator[Server]:
    try:
        server = make()
    except ServerMissing as reason:
        missing(part, str(reason))
    with server:
        yield server
