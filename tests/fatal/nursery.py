"""Processes that start quickly: forks of one that has imported the site and stands before its first connection.

Each fork gets its own environment, reads the settings anew, and then runs a module (`celery`, `uvicorn`) exactly
as `python -m` would. It only saves the seconds in which every process of a run would import the same again.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

import django
from asgiref.local import Local
from django.conf import settings
from django.db import connections

from ledger import crashpoints
from tests import wrong_clock

WARM = (
    "celery.bin.celery", "celery.apps.worker", "celery.concurrency.thread", "celery.worker.consumer",
    "django.core.management.commands.migrate", "kombu.transport.redis", "kombu.transport.virtual", "redis",
    "django.db.backends.postgresql.base", "django.db.backends.sqlite3.base", "uvicorn.loops.asyncio", "uvicorn.main",
    "uvicorn.protocols.http.h11_impl", "aetheris_site.celery", "aetheris_site.urls", "jobs.tasks", "jobs.worker",
)  # fmt: skip
SETTINGS = "aetheris_site.settings"


def main(address: str) -> None:
    """Wait for orders at a Unix socket; answer each with the pid of the process that carries it out."""
    django.setup()
    for name in WARM:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries a dead child at once, as init would
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{address}.new")
        server.listen()
        Path(f"{address}.new").rename(address)  # whoever sees it can connect
        while True:
            line, _ = server.accept()
            with line:
                carry_out(server, line)


def carry_out(server: socket.socket, line: socket.socket) -> None:
    """Take one order, and say which process has it."""
    order = json.loads(line.makefile().readline())
    if (pid := os.fork()) == 0:
        server.close()
        line.close()
        become(order)
    line.sendall(f"{pid}\n".encode())


def become(order: dict[str, Any]) -> NoReturn:
    """Be the process that was asked for, to its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(order["env"])
    wrong_clock.install()
    read_again()
    sys.argv = [order["module"], *order["args"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    sys.exit(0)


def read_again() -> None:
    """Read anew what was read from the environment: the settings, the databases they name, the crash point."""
    fresh = importlib.reload(sys.modules[SETTINGS])
    for name in filter(str.isupper, dir(fresh)):
        setattr(settings, name, getattr(fresh, name))
    handler: Any = connections  # it has no public way to forget
    handler.__dict__.pop("settings", None)
    handler._settings = None
    handler._connections = Local(handler.thread_critical)
    crashpoints._plan = crashpoints.parse(os.environ.get(crashpoints.VARIABLE))


if __name__ == "__main__":
    main(sys.argv[1])
