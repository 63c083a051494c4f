"""The one test command: what its two rounds do when there is nothing to run, or nothing to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def _rounds(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_chosen_tests_without_one_of_the_engine_pass(postgres_url: str) -> None:
    done = _rounds("tests/test_house.py", "-k", "drawer", AETHERIS_TEST_DATABASE_URL=postgres_url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything, on SQLite" in done.stdout
    assert "the engine, on the given Postgres" in done.stdout


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
