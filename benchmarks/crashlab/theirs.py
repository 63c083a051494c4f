"""The peers' rows: each resumed in its own way after the same kill, by an interpreter that has it installed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import Postgres, Valkey

HERE = Path(__file__).parent
ASK = """
import celery_crash
result = celery_crash.{task}.delay()
try:
    print(result.get(timeout=25), result.state)
except Exception as error:
    print(type(error).__name__, result.state)
"""


def rows(folder: Path, *, python: str, postgres: Postgres, valkey: Valkey) -> Iterator[dict[str, Any]]:
    """One row per peer: how many effects there were, and what it says of the run."""
    base = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE / "peers")]),
        "REDIS": valkey.url,
    }
    for peer in ("dbos", "langgraph", "absurd"):
        log = folder / f"{peer}.effects"
        env = {**base, "URL": _database(postgres, peer), "CRASHLAB_LOG": str(log)}
        if peer == "absurd":
            command = [str(Path(python).parent / "absurdctl"), "init", "-d", env["URL"]]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        _run(python, [str(HERE / "peers" / f"{peer}_crash.py"), "start"], env)
        said = _run(python, [str(HERE / "peers" / f"{peer}_crash.py"), "resume"], env)
        yield {"peer": peer, "case": "killed after the effect", "effects": _count(log), "state": said}
    for task in ("early", "late", "late_requeue"):
        log = folder / f"{task}.effects"
        env = {**base, "CRASHLAB_LOG": str(log)}
        yield {"peer": "celery", "case": task, "effects": 0, "state": _celery(python, task, env)} | {
            "effects": _count(log)
        }


def _database(postgres: Postgres, peer: str) -> str:
    """A database of the peer's own, its address in the one form that all of them read: the socket as a parameter."""
    name = f"crashlab_{peer}"
    with psycopg.connect(postgres.url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://aetheris@/{name}?host={postgres.folder}"


def _run(python: str, args: list[str], env: dict[str, str]) -> str:
    """The last words of a peer's process."""
    done = subprocess.run([python, *args], env=env, capture_output=True, text=True, timeout=90, check=False)
    return (done.stdout.strip() or done.stderr.strip())[-60:]


def _celery(python: str, task: str, env: dict[str, str]) -> str:
    command = [python, "-m", "celery", "-A", "celery_crash", "worker", "-c1", "-l", "CRITICAL"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            return _run(python, ["-c", ASK.format(task=task)], env)
        finally:
            worker.terminate()


def _count(log: Path) -> int:
    return log.read_text().count("charge") if log.exists() else 0
