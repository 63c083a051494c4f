"""`python -m tests`: every test on SQLite, and those marked `engine` on Postgres as well.

A whole run plays the two rounds of what goes one after the other at the same time, each on a database and broker of its
own. Those of tests/fatal come afterwards: they wait for real processes most of the time, so several of them are
played side by side. Who chooses tests has one run at a time.
Arguments are passed to pytest. AETHERIS_TEST_DATABASE_URL names the Postgres of the second round; without it
a private one is started. AETHERIS_REQUIRE=postgres makes a machine without Postgres a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

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


@dataclass(frozen=True)
class Round:
    """One part on one database, given by its address: SQLite if there is none."""

    part: Part
    url: str | None = None

    @property
    def database(self) -> str:
        """What it is called."""
        return "SQLite" if self.url is None else "Postgres"

    @property
    def title(self) -> str:
        """What is printed above its tests."""
        which = "" if self.url is None else "the engine's, "
        return f"{self.part.title}, {which}on {self.database}"

    def start(self, arguments: Sequence[str], output: int | None = None) -> subprocess.Popen[bytes]:
        """Begin to run its tests; what they print goes to our own output, or to a pipe."""
        marks = [self.part.mark] if self.url is None else ["engine", self.part.mark]
        chosen = ["-m", " and ".join(filter(None, marks))] if any(marks) else []
        environment = {name: value for name, value in os.environ.items() if name != TEST_DATABASE_URL}
        if self.url is not None:
            environment[TEST_DATABASE_URL] = self.url
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *chosen, *self.part.more, *arguments],
            env=environment,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )


def main(arguments: Sequence[str]) -> int:
    """Run all tests on SQLite and those of the engine on Postgres.

    Returns:
        0 if all passed, else the exit code of the first that failed.
    """
    with _postgres() as (url, reason):
        addresses = [None] if url is None else [None, url]
        parts = [[Round(part, url) for url in addresses] for part in _parts(arguments)]
        if arguments:
            rounds = [rounds[at] for at in range(len(addresses)) for rounds in parts]
            codes = [_played(each, arguments) for each in rounds]
        else:
            codes = [*_at_once(*parts[0]), *(_played(each) for rounds in parts[1:] for each in rounds)]
    if reason:
        print(f"The engine was not tried on Postgres: {reason}", file=sys.stderr)
        codes += [1] if required("postgres") else []
    return _of_all(codes, of_a_choice=bool(arguments), first=len(parts))


@contextmanager
def _postgres() -> Iterator[tuple[str | None, ServerMissing | None]]:
    """The Postgres of the second round: the one that is named, or a private one; or why there is none."""
    with ExitStack() as stack:
        url, reason = os.environ.get(TEST_DATABASE_URL) or None, None
        if url is None:
            try:
                url = stack.enter_context(Postgres(fsync=False)).url
            except ServerMissing as missing:
                reason = missing
        yield url, reason


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


def _played(one: Round, arguments: Sequence[str] = ()) -> int:
    print(f"\n--- {one.title}", flush=True)
    return one.start(arguments).wait()


def _at_once(*rounds: Round) -> list[int]:
    """Play rounds at the same time; each line says at its end of which it is."""
    print(f"\n--- {rounds[0].part.title}, on {' and '.join(each.database for each in rounds)}", flush=True)
    running = [(each, each.start((), output=subprocess.PIPE)) for each in rounds]
    tellers = [Thread(target=_tell, args=pair) for pair in running]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join()
    return [process.wait() for _, process in running]


def _tell(one: Round, process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said = line.rstrip()
        sys.stdout.buffer.write(b"%s | %s\n" % (said, one.database.encode()) if said else b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
