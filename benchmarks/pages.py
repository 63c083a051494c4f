"""`python -m benchmarks.pages`: what every page of a large database costs: queries, rows read, milliseconds.

A Postgres of its own is started and seeded (`aetheris_seed`), or the empty one that AETHERIS_BENCH_DATABASE_URL names.
Rows are of the run's queries asked again under EXPLAIN ANALYZE. Times are of this run on this machine: compare them with
each other, not with another day's. `tests/faces/test_much_data.py` keeps the bounds.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TENANT = "default"
OPENED = 5  # times each page is opened for its milliseconds
IDS = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z~[0-9a-f-]{36}|[0-9a-f]{8}-[0-9a-f]{4}(-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?"
)


def main() -> None:
    """Seed, open every page, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    with _database() as address, tempfile.TemporaryDirectory(prefix="aetheris-pages-") as folder:
        _ready(address, Path(folder))
        from django.core.management import call_command

        call_command("aetheris_seed", jobs=given.jobs, events=given.events, tenant=TENANT, yes=True)
        print("| Page | Queries | Rows of the dearest query | Rows in all | ms |")
        print("|---|---:|---:|---:|---:|")
        for row in _measured():
            print(row)


@contextmanager
def _database() -> Iterator[str]:
    if named := os.environ.get("AETHERIS_BENCH_DATABASE_URL"):
        yield named
        return
    from tests.servers import Postgres

    with Postgres(fsync=False) as server:
        yield server.url


def _ready(address: str, folder: Path) -> None:
    for variable in [each for each in os.environ if each.startswith("AETHERIS_")]:
        del os.environ[variable]
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "aetheris_site.settings",
        "AETHERIS_VAR": str(folder / "var"),
        "AETHERIS_DATABASE_URL": address,
        "AETHERIS_ALLOWED_HOSTS": "testserver",
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _measured() -> Iterator[str]:
    from tests.faces.costs import cost, pages

    browser = _browser()
    for url in pages(TENANT):
        found = cost(browser, url)
        spent = statistics.median(_opened(browser, url) for _ in range(OPENED))
        name = IDS.sub("…", url)
        yield f"| `{name}` | {found.queries} | {found.most:,} | {found.all:,} | {spent * 1_000:.0f} |"


def _opened(browser: Any, url: str) -> float:
    begin = time.perf_counter()
    browser.get(url)
    return time.perf_counter() - begin


def _browser() -> Any:
    """Somebody who may see all, and whom a large group's questions ask."""
    from django.contrib.auth.models import User
    from django.test import Client

    from jobs.seeding.stories import GROUP

    user = User.objects.create_superuser("reader")
    user.groups.create(name=GROUP)
    browser = Client()
    browser.force_login(user)
    return browser


if __name__ == "__main__":
    main()
