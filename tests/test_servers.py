"""The servers and processes that tests start: they answer, they survive a kill, and nothing of them stays."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tests.binaries import ServerMissing, postgres_binaries
from tests.processes import Leashed
from tests.required import missing
from tests.servers import Postgres, Valkey

ROOT = Path(__file__).parent.parent

_HELD_BY_ANOTHER = """
import json, sys, time
from tests.servers import Postgres, Valkey
with Postgres(fsync=False) as postgres, Valkey() as valkey:
    told = {"pids": [postgres.pid, valkey.pid], "folders": [str(postgres.folder), str(valkey.folder)]}
    print(json.dumps(told), flush=True)
    time.sleep(600)
"""


def _eventually(true: Callable[[], bool], *, seconds: float = 30) -> bool:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if true():
            return True
        time.sleep(0.01)
    return False


def test_a_killed_postgres_comes_back_with_what_it_had_promised(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.url) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (7)")
    own_postgres.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres.url)
    own_postgres.start()
    with psycopg.connect(own_postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_a_stopped_postgres_starts_again_with_its_data(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.url) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
    own_postgres.stop()
    own_postgres.start()
    with psycopg.connect(own_postgres.url) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_server_of_faults_syncs_and_no_server_listens_on_the_network(own_postgres: Postgres) -> None:
    with psycopg.connect(own_postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert psutil.Process(own_postgres.pid).net_connections(kind="inet") == []


def test_a_killed_durable_valkey_keeps_what_it_acknowledged(own_valkey: Valkey) -> None:
    with redis.Redis.from_url(own_valkey.client_url) as client:
        client.set("kept", "7")
    own_valkey.kill()
    own_valkey.start()
    with redis.Redis.from_url(own_valkey.client_url) as client:
        assert client.get("kept") == b"7"
    assert psutil.Process(own_valkey.pid).net_connections(kind="inet") == []


def test_servers_and_folders_go_even_when_their_starter_is_killed(
    postgres_url: str, shared_valkey: Valkey
) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HELD_BY_ANOTHER], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        told = json.loads(holder.stdout.readline())
        assert all(psutil.pid_exists(pid) for pid in told["pids"])
        holder.kill()
    assert _eventually(lambda: not any(_runs(pid) for pid in told["pids"]))
    assert _eventually(lambda: not any(Path(folder).exists() for folder in told["folders"]))


def test_a_kill_takes_the_grandchildren_too(tmp_path: Path) -> None:
    family = Leashed(["/bin/sh", "-c", "(sleep 600 & wait) & wait"], log=tmp_path / "log")
    parent = psutil.Process(family.pid)
    assert _eventually(lambda: len(parent.children(recursive=True)) == 2)
    grandchildren = parent.children(recursive=True)
    assert family.kill() == -signal.SIGKILL
    assert not any(_runs(child.pid) for child in grandchildren)


def test_a_process_that_ignores_its_end_is_killed_after_the_grace(tmp_path: Path) -> None:
    deaf = Leashed(["/bin/sh", "-c", "trap '' TERM; echo deaf; sleep 600"], log=tmp_path / "log")
    assert _eventually(lambda: "deaf" in deaf.tail())
    assert deaf.stop(grace=0.05) == -signal.SIGKILL


def test_a_long_temporary_folder_does_not_break_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_valkey: Valkey
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    with Valkey() as server:
        assert len(str(server.socket)) <= 107
        assert not server.folder.is_relative_to(deep)


def test_a_wrong_pg_bin_is_named_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(ServerMissing, match=f"PG_BIN is {tmp_path}"):
        postgres_binaries()


def test_what_a_build_requires_fails_and_what_it_does_not_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERIS_REQUIRE", "browser, postgres")
    with pytest.raises(pytest.fail.Exception, match="asks for postgres, but: not installed"):
        missing("postgres", "not installed")
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        missing("valkey", "not installed")


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("kind", [Postgres, Valkey])
def test_a_server_that_runs_is_not_started_a_second_time(kind: type[Postgres] | type[Valkey]) -> None:
    with kind() as server:
        with pytest.raises(RuntimeError, match="runs already"):
            server.start()
        assert server.folder.exists()
