"""Ports of this machine: a free one, or who holds one that is not."""

from __future__ import annotations

import socket

import psutil


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
            trial.listen()
        except OSError:
            return False
    return True


def any_free() -> int:
    """A port that nothing listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def owner(port: int) -> str:
    """Who listens on a port, in words: pid and command where the system lets us see them."""
    try:
        found = [each for each in psutil.net_connections("tcp") if _listens(each, port) and each.pid]
        names = [f"pid {each.pid} ({_command(each.pid)})" for each in found]
    except psutil.Error:
        names = []
    return " and ".join(sorted(set(names))) or "a program of another user, which this system does not show"


def _listens(connection: psutil._common.sconn, port: int) -> bool:
    return connection.status == psutil.CONN_LISTEN and connection.laddr.port == port


def _command(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return " ".join(process.cmdline())[:120] or process.name()
    except psutil.Error:
        return "unknown"
