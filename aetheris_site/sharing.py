"""Requests of one API process share few connections to Postgres.

Under ASGI every request has a thread of its own, and with it a connection of its own: it would connect, ask, and leave
the connection behind. From the pool it borrows one, and gives it back at its end.
"""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS, connections

from . import profile

SIZE = 20  # sessions of one API process at most
PATIENCE = 5.0  # seconds that a request waits for one of them
RECONNECT = (
    2.0  # seconds after which a connection that does not come about is given up: the next request tries anew
)
_apart = False


def keep_apart() -> None:
    """The API is a guest in this process, whose other threads each keep a connection: nothing is shared."""
    global _apart
    _apart = True


def share_connections() -> None:
    """Let the requests of this process, which does nothing else, share; on Postgres, before the first is opened."""
    told = connections.settings[DEFAULT_DB_ALIAS]
    if _apart or not told["ENGINE"].endswith("postgresql"):
        return
    size = int(profile.number("AETHERIS_API_CONNECTIONS", f"how many, such as {SIZE}") or SIZE)
    told["CONN_MAX_AGE"] = 0
    told["OPTIONS"]["pool"] = {
        "min_size": 1, "max_size": max(1, size), "timeout": PATIENCE, "reconnect_timeout": RECONNECT,
    }  # fmt: skip
