"""The world: a payment service in a process of its own, which counts what really happened."""

from __future__ import annotations

import http.client
import json
import sys
import urllib.parse
from pathlib import Path
from typing import Any

from tests.fatal.processes import ROOT, until
from tests.processes import Leashed


class Effects:
    """The service, seen from a test."""

    def __init__(self, folder: Path, *options: str, module: str = "examples.payments") -> None:
        log = folder / "effects.log"
        command = [
            sys.executable,
            "-m",
            module,
            "--port",
            "0",
            "--db",
            str(folder / "effects.jsonl"),
            *options,
        ]
        self._process = Leashed(command, log=log, cwd=ROOT)
        until(lambda: "http://" in log.read_text(), what="the payment service", told=self._process.tail)
        self.url = log.read_text().split()[1]

    def behave(self, mode: str, **more: Any) -> None:
        """Tell it how to answer from now on: `normal`, `hang`, `slow`, `drop` and so on."""
        self._ask("POST", "/mode", {"mode": mode, **more})

    def release(self) -> None:
        """Let hanging calls go on."""
        self._ask("POST", "/release", {})

    @property
    def hanging(self) -> int:
        """How many calls hang now."""
        return int(self._ask("GET", "/stats")["hanging"])

    def counts(self) -> dict[str, int]:
        """How often an effect happened, refund or reversal, by idempotency key."""
        stats = self._ask("GET", "/stats")
        return {**stats["refunds_per_key"], **stats["reversals_per_key"]}

    def calls(self) -> dict[str, int]:
        """How many calls arrived, by idempotency key."""
        return dict(self._ask("GET", "/stats")["calls_per_key"])

    def under(self, key: str) -> dict[str, Any]:
        """All that is known under an idempotency key: calls, those in flight, refunds."""
        return self._ask("GET", f"/refunds?{urllib.parse.urlencode({'key': key})}")

    def refunds(self, key: str) -> list[dict[str, Any]]:
        """What was refunded under an idempotency key, as somebody who looks it up sees it."""
        return list(self.under(key)["refunds"])

    def close(self) -> None:
        """End it."""
        self._process.kill()

    def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer: dict[str, Any] = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer
