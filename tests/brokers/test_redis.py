"""Valkey under real workers: a restart of the server in the middle of a task."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers.workers import Site, until
from tests.required import missing
from tests.servers import ServerMissing, Valkey


@pytest.fixture
def server() -> Iterator[Valkey]:
    try:
        valkey = Valkey()
    except ServerMissing as error:
        missing("valkey", str(error))
    with valkey:
        yield valkey


@pytest.mark.fatal
def test_a_worker_outlives_a_restart_of_the_server_during_a_late_acknowledged_task(
    server: Valkey, tmp_path: Path
) -> None:
    site = Site(server.url, tmp_path)
    with site.worker("first", "-P", "threads", "-c", "2") as worker:
        site.send("hold", str(tmp_path / "release"))
        until(lambda: site.lines("begin") == ["hold"], worker)
        server.kill()
        until(lambda: "Trying again in" in worker.log.read_text(), worker)
        server.start()
        (tmp_path / "release").touch()
        until(lambda: site.lines("end") == ["hold"], worker)
        site.send("note", 1)
        until(lambda: site.lines("end") == ["hold", "1"], worker)
        control = site.app.control.inspect(destination=["first@toy"], timeout=20)
        assert control.ping() == {"first@toy": {"ok": "pong"}}
        assert worker.stop() == 0, worker.tail()
    assert "Traceback" not in worker.log.read_text()
