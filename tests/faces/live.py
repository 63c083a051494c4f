"""The real API as a process of its own on the test database, and people with tokens for it."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.processes import Leashed

ROOT = Path(__file__).parents[2]
_UP = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
_DEADLINE = 60.0


@contextmanager
def api(database: str, folder: Path, **more: str) -> Iterator[str]:
    """Run the API.

    Args:
        database: its address.
        folder: for its log and its state.
        more: of its environment.

    Yields:
        Its own address.

    Raises:
        RuntimeError: it ended, or did not come up; with what it printed.
    """
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")},
        "AETHERIS_DATABASE_URL": database,
        "AETHERIS_VAR": str(folder),
        "DJANGO_SETTINGS_MODULE": "aetheris_site.settings",
        **more,
    }
    command = [sys.executable, "-m", "uvicorn", "aetheris_site.asgi:application", "--port", "0"]
    server = Leashed(command, log=folder / "api.log", env=env, cwd=ROOT)
    try:
        yield _address(server)
    finally:
        server.stop()


def _address(server: Leashed) -> str:
    begun = time.monotonic()
    while server.returncode is None and time.monotonic() - begun < _DEADLINE:
        if found := _UP.search(server.log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise RuntimeError(f"the API did not come up:\n{server.tail()}")
