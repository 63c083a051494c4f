"""Requests of one API process share few sessions: however many ask, listen, or hang up."""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests.fatal.audit import query
from tests.fatal.processes import Running
from tests.fatal.stage import Stage
from tests.fatal.web import api, get
from tests.servers import TEST_DATABASE_URL

pytestmark = [
    pytest.mark.fatal,
    pytest.mark.skipif(TEST_DATABASE_URL not in os.environ, reason="SQLite has no sessions to share"),
]
SIZE = 2
MANY = 8


@pytest.fixture
def served(stage: Stage) -> Running:
    """An API that may have two sessions."""
    address = f"{stage.database}{'&' if '?' in stage.database else '?'}application_name=shared"
    return api(stage, AETHERIS_DATABASE_URL=address, AETHERIS_API_CONNECTIONS=str(SIZE))


def sessions(stage: Stage) -> int:
    """How many it has."""
    return len(query(stage.database, "SELECT pid FROM pg_stat_activity WHERE application_name = 'shared'"))


@contextmanager
def asked(server: Running, path: str, token: str) -> Iterator[http.client.HTTPConnection]:
    """A question of which nobody has read the answer; at the end of the block the asker hangs up."""
    found = re.search(r"running on http://(\S+)", server.said)
    assert found is not None
    with closing(http.client.HTTPConnection(found[1], timeout=30)) as line:
        line.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        yield line


def test_many_requests_at_a_time_wait_for_the_sessions_that_there_are(
    stage: Stage, served: Running, token: str
) -> None:
    with ThreadPoolExecutor(MANY) as clients:
        answers = [clients.submit(get, served, "/api/jobs", token) for _ in range(5 * MANY)]
        assert {each.result()[0] for each in answers} == {200}
    assert 1 <= sessions(stage) <= SIZE


def test_whoever_listens_to_a_job_keeps_no_session_and_whoever_hangs_up_takes_none_with_him(
    stage: Stage, served: Running, token: str
) -> None:
    job = stage.submit("graph", "fatal.pay")  # nobody works: it stays where it is
    with ExitStack() as open_lines:
        for _ in range(MANY):
            line = open_lines.enter_context(asked(served, f"/api/jobs/{job}/events/stream", token))
            answer = line.getresponse()
            assert answer.status == 200, served.said
            assert answer.read(6) == b"retry:"
        first = get(served, f"/api/jobs/{job}", token)
        assert first[0] == 200, served.said
    for _ in range(MANY):
        with asked(served, "/api/jobs", token):
            pass
    for _ in range(MANY):
        assert get(served, "/api/jobs", token)[0] == 200
    assert sessions(stage) <= SIZE


def test_sessions_that_were_cut_are_replaced(stage: Stage, served: Running, token: str) -> None:
    assert get(served, "/api/jobs", token)[0] == 200
    query(
        stage.database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shared'",
    )
    assert get(served, "/api/jobs", token)[0] == 200
