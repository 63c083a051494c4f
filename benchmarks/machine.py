"""What a figure depends on: the machine, its load, and the versions. No names of hosts, people or folders."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from tests.binaries import postgres_binaries

PACKAGES = ("aetheris-runtime", "django", "celery", "psycopg", "immutables")


def facts(peers: Path | None) -> dict[str, object]:
    """The machine as the report names it; `peers` is the interpreter that has the peers installed."""
    said = subprocess.run(
        [postgres_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return {
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "postgres": said.stdout.strip(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "peers": _of_peers(peers),
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    found = [line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")]
    return found[0] if found else platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _of_peers(python: Path | None) -> dict[str, str]:
    if python is None:
        return {}
    asked = [line.partition("==")[0] for line in _pins() if "==" in line]
    words = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    names = [each.partition("[")[0] for each in asked]
    done = subprocess.run([python, "-c", words, *names], capture_output=True, text=True, check=False)
    import json

    return dict(json.loads(done.stdout)) if done.returncode == 0 else {}


def _pins() -> list[str]:
    return (Path(__file__).parent / "peers" / "requirements.txt").read_text().split()


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False,
                          cwd=Path(__file__).parent)  # fmt: skip
    return done.stdout.strip()
