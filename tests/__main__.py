"""`python -m tests`: every test once, on SQLite; then those marked `engine` again, on Postgres.

Arguments are passed to pytest. AETHERIS_TEST_DATABASE_URL names the Postgres of the second run; without it
a private one is started. AETHERIS_REQUIRE=postgres makes a machine without Postgres a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.binaries import ServerMissing
from tests.required import required
from tests.servers import TEST_DATABASE_URL, Postgres

_NO_TESTS = 5  # pytest's exit code when it collected none


def main(arguments: Sequence[str]) -> int:
    """Run both rounds.

    Returns:
        0 if both passed, else the exit code of the first round that failed.
    """
    given = os.environ.get(TEST_DATABASE_URL)
    # The second round may be empty if tests were chosen, none of them the engine's; in a whole run it may not.
    harmless = {0, _NO_TESTS} if arguments else {0}
    first = _pytest("everything, on SQLite", arguments, url=None)
    if given:
        second = _pytest("the engine, on the given Postgres", ["-m", "engine", *arguments], url=given)
    else:
        second = _on_own_postgres(["-m", "engine", *arguments])
    if first != 0:
        return first
    return 0 if second in harmless else second


def _on_own_postgres(arguments: Sequence[str]) -> int:
    try:
        server = Postgres(fsync=False)
    except ServerMissing as reason:
        print(f"The engine was not tried on Postgres: {reason}", file=sys.stderr)
        return 1 if required("postgres") else 0
    with server:
        return _pytest("the engine, on Postgres", arguments, url=server.url)


def _pytest(title: str, arguments: Sequence[str], *, url: str | None) -> int:
    environment = {name: value for name, value in os.environ.items() if name != TEST_DATABASE_URL}
    if url is not None:
        environment[TEST_DATABASE_URL] = url
    print(f"\n--- {title}", flush=True)
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments], env=environment, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
