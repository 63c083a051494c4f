"""The payment service as a real process, for tests to start, ask, kill and start again."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENOUGH_ASKS = 20_000


@dataclass
class PaymentProcess:
    """One service over one book; `start` may be called again after `kill`."""

    book: Path
    options: tuple[str, ...] = ()
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> PaymentProcess:
        """Start on a free port and return when it says where it listens."""
        self.process = subprocess.Popen(
            self.command("0"), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, f"the service did not start over {self.book}"
        self.url = said.split()[1]
        return self

    def why_not(self, *, port: str = "0") -> str:
        """Start one that must not come up, and return what it says as it leaves with 1."""
        ended = subprocess.run(
            self.command(port), cwd=ROOT, text=True, capture_output=True, timeout=30, check=False
        )
        assert ended.returncode == 1, ended
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def command(self, port: str) -> list[str]:
        """Return the command line of a service over this book."""
        options = ["--port", port, "--db", str(self.book), *self.options]
        return [sys.executable, "-m", "examples.payments", *options]

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection of its own to the service."""
        return http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)

    def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> tuple[int, Any]:
        """Send one request and return the status and the JSON answer."""
        connection = self.connect()
        try:
            send(connection, method, path, body, key=key)
            return answer_of(connection)
        finally:
            connection.close()

    def refund(self, key: str, *, order_id: str = "A-1002", cents: int = 4_200) -> tuple[int, Any]:
        """Ask for a refund under `key`."""
        return self.ask("POST", "/refunds", {"order_id": order_id, "cents": cents}, key=key)

    def stats(self) -> Any:
        """Return the counts."""
        return self.ask("GET", "/stats")[1]

    def mode(self, mode: str, **more: Any) -> None:
        """Tell it how to behave from now on."""
        status, answer = self.ask("POST", "/mode", {"mode": mode, **more})
        assert status == 200, answer

    def until_hanging(self, calls: int) -> None:
        """Ask until so many calls hang."""
        for _ in range(ENOUGH_ASKS):
            if self.stats()["hanging"] == calls:
                return
        raise AssertionError(f"never saw {calls} hanging calls: {self.stats()}")


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Any = None,
    *,
    key: str | None = None,
) -> None:
    """Send a request and do not wait for its answer."""
    headers = {"Idempotency-Key": key} if key is not None else {}
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    connection.request(method, path, text, headers)


def answer_of(connection: http.client.HTTPConnection) -> tuple[int, Any]:
    """Wait for the answer to what was sent."""
    response = connection.getresponse()
    return response.status, json.loads(response.read())
