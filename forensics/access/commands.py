"""Accesses by management commands: who was at the machine, and what they asked."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.conf import conf
from jobs.core.errors import Refused
from jobs.viewing import Look, Who, announce


def at_machine() -> Who:
    """The user of the operating system who runs this process."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's number without a name
        name = str(os.getuid()) if hasattr(os, "getuid") else "unknown"
    number = str(os.getuid()) if hasattr(os, "getuid") else name
    return Who("os", f"os:{number}", f"os:{name}")


@contextmanager
def recorded(
    action: str, question: str, *, tenant: str = "", job: str = "", target: str = ""
) -> Iterator[None]:
    """Write down what a management command asks: before it begins, and how it was refused or failed.

    Args:
        action: view, verify, replay, export ...
        question: name of the command.
        tenant: whose data; the default tenant's if empty.
        job: the one job that is asked about.
        target: what else was named.

    Raises:
        Unrecorded: it could not be written, and may not go unrecorded.
    """
    look = Look(
        who=at_machine(), tenant=tenant or conf().DEFAULT_TENANT, action=action, question=question, status=0,
        job=job, target=target, strict=True, agent="manage.py", address="", request=f"host:{socket.gethostname()}"[:64],
    )  # fmt: skip
    announce(look)
    try:
        yield
    except Refused as refusal:
        announce(_ended(look, 409, refusal.code))
        raise
    except Exception as error:
        announce(_ended(look, 1, type(error).__name__))
        raise


def _ended(look: Look, status: int, code: str) -> Look:
    from dataclasses import replace

    return replace(look, status=status, code=code)
