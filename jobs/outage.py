"""A database or broker that is away: which errors say so, and how they are told in one line.

An outage is ordinary: the sweep finds everything again. It is logged where it is met, without a traceback.
"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError

AWAY = (OperationalError, InterfaceError)


def in_a_line(error: BaseException) -> str:
    """The first line of an error; drivers add a page of advice."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
