"""Processes that start quickly: forks of one that has imported the libraries, and nothing of ours.

Each fork gets its own environment and then runs a module (`celery`, `uvicorn`) exactly as `python -m` would; it
only saves the seconds in which every process of a test run would import the same libraries again.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import signal
import socket
import sys
from typing import Any, NoReturn

LIBRARIES = (
    "celery.bin.celery", "celery.apps.worker", "celery.concurrency.thread", "celery.worker.consumer",
    "celery.fixups.django", "celery.schedules", "dj_database_url", "django.contrib.staticfiles.storage",
    "django.core.management.commands.migrate", "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base", "django.db.models", "django.test.signals", "drf_spectacular.utils",
    "http.client", "httpx", "immutables", "jsonschema", "kombu.transport.redis", "kombu.transport.virtual",
    "prometheus_client.core", "psutil", "psycopg", "pydantic.main", "pydantic.type_adapter", "redis",
    "rest_framework.serializers", "uvicorn.loops.asyncio", "uvicorn.main", "uvicorn.protocols.http.h11_impl",
    "whitenoise.middleware",
)  # fmt: skip


def main(address: str) -> None:
    """Wait for orders at a Unix socket; answer each with the pid of the process that carries it out."""
    for name in LIBRARIES:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries a dead child at once, as init would
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        while True:
            line, _ = server.accept()
            with line:
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
    sys.argv = [order["module"], *order["args"]]
    runpy.run_module(order["module"], run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
