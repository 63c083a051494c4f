"""In a replay the world is closed: whatever reaches around ctx is refused with a clear word, even if it is caught."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from forensics.services import replay_job
from jobs.models import Job
from jobs.testing import run_until_parked
from tests.agents import world
from tests.agents.tools import add, look
from tests.engine.driving import a_word, asked, flow

pytestmark = pytest.mark.usefixtures("here")
REACH: dict[str, Callable[[str], Any]] = {}


@flow
def reaches(ctx: Any, goal: dict[str, Any]) -> Any:
    """Ask through ctx, and then reach around it."""
    ctx.tool(add, a=1)
    return REACH["now"](goal["word"])


@flow
async def reaches_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`, from a thread."""
    await ctx.tool(add, a=1)
    return await asyncio.to_thread(REACH["now"], goal["word"])


def _a_socket(word: str) -> None:
    with socket.socket() as each:
        each.connect_ex(("127.0.0.1", 9))


def _swallowed(word: str) -> None:
    try:
        look(word=word)
    except Exception as error:
        world.did(f"caught {type(error).__name__}")


WAYS: dict[str, tuple[Callable[[str], Any], str]] = {
    "a tool called directly": (lambda word: look(word=word)["word"], "a direct call of tool look"),
    "a refusal that is caught": (_swallowed, "a direct call of tool look"),
    "a socket": (_a_socket, "socket.connect"),
    "a name looked up": (lambda word: len(socket.getaddrinfo("localhost", 9)), "socket.getaddrinfo"),
    "a process": (
        lambda word: subprocess.run([sys.executable, "-V"], check=True).returncode,
        "subprocess.Popen",
    ),
}


@pytest.mark.parametrize("name", ["reaches", "reaches_async"])
@pytest.mark.parametrize("way", WAYS)
def test_code_that_reaches_around_ctx_is_refused_and_named(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach, what = WAYS[way]
    word = a_word()
    monkeypatch.setitem(REACH, "now", reach)
    job = asked(name, {"word": word})
    assert run_until_parked(job).status == "completed"
    before = world.times(word)
    problem = replay_job(job)["problem"]
    assert (problem["kind"], problem["node"], problem["asked"]) == ("outside_world", "main", what)
    assert "ctx" in problem["message"]
    assert world.times(word) == before
    reach(word)  # outside a replay nobody watches


def test_the_database_is_closed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REACH, "now", lambda word: Job.objects.count() > 0)
    job = asked("reaches", {"word": a_word()})
    assert run_until_parked(job).status == "completed"
    assert replay_job(job)["problem"]["asked"] == "the database (SELECT)"
    assert Job.objects.filter(id=job).exists()


@flow
async def waits_elsewhere(ctx: Any, goal: dict[str, Any]) -> Any:
    """Wait for something that no ctx gives."""
    await ELSEWHERE["wait"]()
    return 1


async def _nothing() -> None:
    return None


ELSEWHERE: dict[str, Callable[[], Any]] = {"wait": _nothing}


def test_code_that_waits_for_what_was_not_asked_does_not_hang_the_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = asked("waits_elsewhere")
    assert run_until_parked(job).status == "completed"
    monkeypatch.setattr("forensics.replay.PATIENCE", 3)
    monkeypatch.setitem(ELSEWHERE, "wait", lambda: asyncio.get_running_loop().create_future())
    problem = replay_job(job)["problem"]
    assert (problem["kind"], problem["asked"]) == (
        "outside_world",
        "waiting for something that was not asked through ctx",
    )
