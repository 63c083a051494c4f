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
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

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
    def title(self) -> str:
        """What is printed above its tests."""
        return f"{self.part.title}, " + ("on SQLite" if self.url is None else "the engine's, on Postgres")

    def start(self, arguments: Sequence[str], output: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        """Begin to run its tests; what they print goes to our own output, or there."""
        marks = [self.part.mark] if self.url is None else ["engine", self.part.mark]
        chosen = ["-m", " and ".join(filter(None, marks))] if any(marks) else []
        environment = {name: value for name, value in os.environ.items() if name != TEST_DATABASE_URL}
        if self.url is not None:
            environment[TEST_DATABASE_URL] = self.url
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *chosen, *self.part.more, *arguments],
            env=environment,
            stdout=output,
            stderr=output and subprocess.STDOUT,
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


def _at_once(shown: Round, *others: Round) -> list[int]:
    """Play rounds at the same time; the first is seen as it goes, of the others all is printed after it."""
    with ExitStack() as stack:
        behind = [(other, stack.enter_context(tempfile.TemporaryFile())) for other in others]
        running = [other.start((), output) for other, output in behind]
        codes = [_played(shown)]
        for (other, output), process in zip(behind, running, strict=True):
            codes.append(process.wait())
            output.seek(0)
            print(f"\n--- {other.title}", flush=True)
            sys.stdout.buffer.write(output.read())
            sys.stdout.flush()
    return codes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
