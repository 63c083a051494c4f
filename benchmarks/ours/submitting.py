"""Submissions over HTTP: how many jobs a second one API process takes in, each durable before its answer."""

from __future__ import annotations

import http.client
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK, MS, NotDone
from tests.processes import Leashed

BODY = json.dumps({"agent": "bench-chain", "goal": {"kind": "pure", "steps": 1}})


def main() -> None:
    """`clients` clients with a connection each send `jobs` jobs between them; a worker takes them up meanwhile."""
    floor.ready()
    from django.contrib.auth import get_user_model

    from jobs import tokens

    user = get_user_model().objects.create_superuser("bench")
    token = tokens.create(user, tenant="default").text
    log = Path(os.environ["AETHERIS_VAR"]) / "api.log"
    command = [sys.executable, "-m", "uvicorn", "aetheris_site.asgi:application", "--port", "0"]
    with floor.workers(1, 4):
        api = Leashed(command, log=log, env=os.environ, cwd=floor.ROOT)
        try:
            _measure(_address(api, log), token)
        finally:
            api.kill()


def _address(api: Leashed, log: Path) -> str:
    give_up = time.monotonic() + 120
    while (found := re.search(r"running on http://(\S+)", log.read_text())) is None:
        if api.returncode is not None or time.monotonic() > give_up:
            raise NotDone(f"the API did not start:\n{api.tail()}")
        time.sleep(floor.LOOK)
    return found[1]


def _measure(address: str, token: str) -> None:
    each = ASK["jobs"] // ASK["clients"]
    _client(address, token, 5)
    with ThreadPoolExecutor(ASK["clients"]) as pool:
        start = time.perf_counter()
        told = list(pool.map(lambda _: _client(address, token, each), range(ASK["clients"])))
        seconds = time.perf_counter() - start
    waited = [value for some in told for value in some]
    floor.say(
        per_s=len(waited) / seconds,
        p50=floor.quantile(waited, 0.5) * MS,
        p99=floor.quantile(waited, 0.99) * MS,
    )


def _client(address: str, token: str, number: int) -> list[float]:
    """So many submissions on one connection; gives how long each answer took."""
    line = http.client.HTTPConnection(address, timeout=60)
    head = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    waited = []
    for _ in range(number):
        start = time.perf_counter()
        line.request("POST", "/api/jobs", BODY, head)
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 202:
            raise NotDone(f"a submission was answered with {answer.status}: {said[:300]!r}")
        waited.append(time.perf_counter() - start)
    line.close()
    return waited


if __name__ == "__main__":
    main()
