"""A database or broker that is away: which errors say so, and how they are told in one line.

An outage is ordinary: the sweep finds everything again. It is logged where it is met, without a traceback.
"""

from __future__ import annotations

import errno

from django.db import InterfaceError, OperationalError, connection

AWAY = (OperationalError, InterfaceError)
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # a disk, a quota, a limit of the process
SQLITE_NO_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})
DISK_FULL = "53100"  # Postgres


def no_room(error: BaseException) -> bool:
    """Whether something could not be written for want of room; nothing of it is written then."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    cause = error.__cause__
    return (
        getattr(cause, "sqlite_errorname", None) in SQLITE_NO_ROOM
        or getattr(cause, "sqlstate", None) == DISK_FULL
    )


def in_a_line(error: BaseException) -> str:
    """The first line of an error, with the file it is about and what to do; drivers add a page of advice."""
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    if hasattr(error.__cause__, "sqlite_errorname"):
        line += f", {connection.settings_dict['NAME']}"
    return f"{line}: make room, it goes on by itself" if no_room(error) else line
