"""The one test command: what its two rounds do when there is nothing to run, or nothing to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.timeout(1200)  # each starts several runs of its own, on a machine that may be busy


def _rounds(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_chosen_tests_without_one_of_the_engine_pass(postgres_url: str) -> None:
    done = _rounds("tests/test_house.py", "-k", "drawer", AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one after the other, on SQLite" in done.stdout
    assert "one after the other, the engine's, on Postgres" in done.stdout
    assert "side by side" not in done.stdout


def test_the_fatal_tests_are_run_side_by_side_and_once_by_a_mark(postgres_url: str) -> None:
    chosen = ("tests/fatal/test_table.py", "-k", "no_two")
    done = _rounds(*chosen, AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1 passed") == 1
    assert done.stdout.count("side by side") == 2
    done = _rounds(*chosen, "-m", "not engine", AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "side by side" not in done.stdout


WHOLE = """
import tests.__main__ as rounds
rounds.PARTS = (rounds.Part("a few", "not side_by_side", ("tests/test_database.py", "-p", "no:cacheprovider", "-k", {!r})),)
raise SystemExit(rounds.main(()))
"""


@pytest.mark.parametrize(("word", "code"), [("other_threads", 0), ("no_such_name", 5)])
def test_a_whole_run_plays_both_rounds_at_once_and_says_of_which_a_line_is(
    word: str, code: int, postgres_url: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHOLE.format(word)],
        cwd=ROOT,
        env={**os.environ, "AETHERIS_TEST_DATABASE_URL": postgres_url},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "--- a few, on SQLite and Postgres" in done.stdout
    ends = [
        line.rpartition(" | ")[2]
        for line in done.stdout.splitlines()
        if line.startswith("=== ") or " in " in line
    ]
    assert {"SQLite", "Postgres"} <= set(ends), done.stdout


def test_a_failure_of_the_first_round_is_the_answer(postgres_url: str) -> None:
    done = _rounds("tests/there_is_no_such_file.py", AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 4, done.stdout + done.stderr


def test_a_choice_that_no_test_meets_is_a_failure(postgres_url: str) -> None:
    done = _rounds("tests/test_house.py", "-k", "no_such_name", AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 5, done.stdout + done.stderr


def test_a_missing_postgres_is_said_and_fails_only_where_it_is_required(tmp_path: Path) -> None:
    chosen = ("tests/test_house.py", "-k", "drawer")
    nowhere = {"AETHERIS_TEST_DATABASE_URL": "", "PG_BIN": str(tmp_path)}
    lenient = _rounds(*chosen, AETHERIS_REQUIRE="", **nowhere)
    assert lenient.returncode == 0, lenient.stdout + lenient.stderr
    assert f"not tried on Postgres: PG_BIN is {tmp_path}" in lenient.stderr
    strict = _rounds(*chosen, AETHERIS_REQUIRE="postgres", **nowhere)
    assert strict.returncode == 1, strict.stdout + strict.stderr
