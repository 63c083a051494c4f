"""The closed world of a replay: nothing that is run in it reaches a tool, the network, a process or a database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import Any

from django.db import connections

from ledger.declared import watchman

# What the interpreter itself reports (PEP 578) when code goes outside.
OUTSIDE = frozenset(
    {
        "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
        "socket.gethostbyname", "socket.gethostbyaddr", "subprocess.Popen", "os.system", "os.exec", "os.fork",
        "os.forkpty", "os.posix_spawn", "os.spawn", "sqlite3.connect",
    }
)  # fmt: skip


@contextmanager
def closed(refuse: Callable[[str], object]) -> Iterator[None]:
    """Close the world to the code of the block, and to the tasks and threads that inherit its context.

    A guard against mistakes, not against malice: a thread that code starts by itself, and C code that tells the
    interpreter nothing, are not seen.

    Args:
        refuse: is told what the code reached for, and raises.
    """
    _listen()
    token = watchman.set(refuse)
    try:
        with ExitStack() as shut:
            for connection in connections.all():
                shut.enter_context(connection.execute_wrapper(partial(_no_query, refuse)))
            yield
    finally:
        watchman.reset(token)


def _no_query(
    refuse: Callable[[str], object],
    execute: Callable[..., Any],
    sql: str,
    params: Any,
    many: bool,
    context: Any,
) -> Any:
    refuse(f"the database ({sql.split(None, 1)[0]})")
    return execute(sql, params, many, context)


@cache
def _listen() -> None:
    """Hear what the interpreter reports; such a hook stays for the life of the process, so it is set up once."""
    sys.addaudithook(_heard)


def _heard(event: str, args: tuple[Any, ...]) -> None:
    if event in OUTSIDE and (refuse := watchman.get()) is not None:
        refuse(event)
