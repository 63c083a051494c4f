"""`python -m tests`: every test once, on SQLite; then those marked `engine` again, on Postgres.

Those of tests/fatal wait for real processes most of the time, so several of them are played side by side.
Arguments are passed to pytest. AETHERIS_TEST_DATABASE_URL names the Postgres of the second run; without it
a private one is started. AETHERIS_REQUIRE=postgres makes a machine without Postgres a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.binaries import ServerMissing
from tests.required import required
from tests.servers import TEST_DATABASE_URL, Postgres

_NO_TESTS = 5  # pytest's exit code when it collected none
FATAL = Path(__file__).parent / "fatal"  # where all tests marked `side_by_side` are
SIDE_BY_SIDE = 2 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Part:
    """Some of the tests: what they are called, which they are, how they are run."""

    title: str
    mark: str
    more: tuple[str, ...] = ()


PARTS = (
    Part("one after the other", "not side_by_side"),
    Part("side by side", "side_by_side", ("-n", str(SIDE_BY_SIDE))),
)


def main(arguments: Sequence[str]) -> int:
    """Run all tests on SQLite and those of the engine on Postgres.

    Returns:
        0 if all passed, else the exit code of the first that failed.
    """
    codes = [_run(part, arguments, url=None) for part in _parts(arguments)]
    given = os.environ.get(TEST_DATABASE_URL)
    more = _on(given, arguments) if given else _on_own_postgres(arguments)
    return _of_all([*codes, *more], of_a_choice=bool(arguments), first=len(codes))


def _parts(arguments: Sequence[str]) -> Sequence[Part]:
    """Who chooses by mark says it all; who names other folders chooses nothing of tests/fatal."""
    if "-m" in arguments:
        return [Part("what was chosen", "")]
    named = [
        path.resolve() for path in (Path(each.partition("::")[0]) for each in arguments) if path.exists()
    ]
    if named and not any(FATAL.is_relative_to(path) or path.is_relative_to(FATAL) for path in named):
        return PARTS[:1]
    return PARTS


def _of_all(codes: Sequence[int], *, of_a_choice: bool, first: int) -> int:
    """A part may be empty if tests were chosen and none of them is of it; in a whole run none may."""
    failed = [code for code in codes if code not in ((0, _NO_TESTS) if of_a_choice else (0,))]
    if failed:
        return failed[0]
    return _NO_TESTS if set(codes[:first]) == {_NO_TESTS} else 0


def _on(url: str, arguments: Sequence[str]) -> list[int]:
    return [_run(part, arguments, url=url) for part in _parts(arguments)]


def _on_own_postgres(arguments: Sequence[str]) -> list[int]:
    try:
        server = Postgres(fsync=False)
    except ServerMissing as reason:
        print(f"The engine was not tried on Postgres: {reason}", file=sys.stderr)
        return [1] if required("postgres") else []
    with server:
        return _on(server.url, arguments)


def _run(part: Part, arguments: Sequence[str], *, url: str | None) -> int:
    marks = [part.mark] if url is None else ["engine", part.mark]
    chosen = ["-m", " and ".join(filter(None, marks))] if any(marks) else []
    where = "on SQLite" if url is None else "the engine's, on Postgres"
    return _pytest(f"{part.title}, {where}", [*chosen, *part.more, *arguments], url=url)


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
