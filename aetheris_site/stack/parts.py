"""The parts of a stack: what each process is called, how it is started, and how one sees that it is up."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .place import Place

PAYMENTS_URL = "AETHERIS_PAYMENTS_URL"
PAYMENTS_PORT = 8099
_HERE = ("localhost", "127.0.0.1")
_DATABASE_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


@dataclass(frozen=True, eq=False)
class Part:
    """One process of a stack.

    Args:
        name: of its pid file and its log.
        command: an argument list, never a shell text.
        says: the words in its log that show it is up; empty if it is asked in another way.
        grace: seconds it gets to end after SIGTERM.
        last: whether it ends only when all others have, because they still talk to it.
        port: the port it listens on, 0 for none.
    """

    name: str
    command: Sequence[str]
    says: str = ""
    grace: float = 10.0
    last: bool = False
    port: int = 0


def api(place: Place) -> Part:
    """The HTTP API and the admin."""
    where = ["--host", "127.0.0.1", "--port", str(place.port)]
    # An open event stream must not hold a stop for ever.
    # Whose word about a client's address is believed, the setting TRUSTED_PROXIES alone says.
    rest = ["--timeout-graceful-shutdown", "5", "--no-server-header", "--no-proxy-headers"]
    command = [sys.executable, "-m", "uvicorn", "aetheris_site.asgi:application", *where, *rest]
    return Part("api", command, says="Uvicorn running on", port=place.port)


def worker(name: str = "worker") -> Part:
    """A worker: eight threads, of which each can drive a step."""
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    pool = ["-P", "threads", "-c", "8", "-Q", "aetheris", "-n", f"worker-{secrets.token_hex(4)}@%h"]
    return Part(name, [*_celery("worker", "INFO"), *pool, *quiet], says=" ready.", grace=30)


def beat() -> Part:
    """What asks for the tick every second; its timetable lies in the database, and its lock is no file."""
    # It would tell of every single tick, and its log would grow by megabytes a day.
    quiet = ["-S", _DATABASE_SCHEDULER, "--pidfile="]
    return Part("beat", [*_celery("beat", "WARNING"), *quiet], says="is starting")


def payments(place: Place, port: int) -> Part:
    """The example's payment service, the world that refunds are made in."""
    book = place.var / "payments.jsonl"
    command = [sys.executable, "-m", "examples.payments", "--port", str(port), "--db", str(book)]
    return Part("payments", command, says="payments: http", last=True, port=port)


def payments_port(place: Place) -> int | None:
    """The port that AETHERIS_PAYMENTS_URL names on this machine.

    Returns:
        None if it names another machine, whose service is not ours to start; 0 if nothing is named.
    """
    given = place.env.get(PAYMENTS_URL, "").strip()
    if not given:
        return 0
    parts = urlsplit(given)
    return (parts.port or 80) if parts.hostname in _HERE else None


def _celery(what: str, level: str) -> list[str]:
    return [sys.executable, "-m", "celery", "-A", "aetheris_site", what, "--loglevel", level]
