"""In a replay the world is closed: whatever reaches around ctx is refused with a clear word, even if it is caught."""

from __future__ import annotations

import asyncio
import datetime
import gc
import hashlib
import importlib
import logging
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zoneinfo
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from time import monotonic as bare_clock
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

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
    REACH["now"](goal["word"])
    return 1


@flow
async def reaches_async(ctx: Any, goal: dict[str, Any]) -> Any:
    """The same with `await`, in an arm of a gather."""
    await ctx.gather(ctx.tool(add, a=1), _arm(ctx, goal["word"]))
    return 1


async def _arm(ctx: Any, word: str) -> None:
    await ctx.tool(add, a=2)
    REACH["now"](word)


def _a_socket(word: str) -> None:
    with socket.socket() as each:
        each.connect_ex(("127.0.0.1", 9))


def _swallowed(word: str) -> None:
    try:
        look(word=word)
    except Exception as error:
        world.did(f"caught {type(error).__name__}")


def _a_thread(word: str) -> None:
    thread = threading.Thread(target=str)
    thread.start()
    thread.join()


def _a_file(word: str) -> None:
    with open(__file__) as file:
        file.read(1)


WAYS: dict[str, tuple[Callable[[str], Any], str]] = {
    "a tool called directly": (lambda word: look(word=word)["word"], "a direct call of tool look"),
    "a refusal that is caught": (_swallowed, "a direct call of tool look"),
    "a socket": (_a_socket, "the network (socket.connect)"),
    "a name looked up": (
        lambda word: len(socket.getaddrinfo("localhost", 9)),
        "the network (socket.getaddrinfo)",
    ),
    "a process": (
        lambda word: subprocess.run([sys.executable, "-V"], check=True),
        "a process (subprocess.run)",
    ),
    "a thread": (_a_thread, "a thread (threading.Thread.start)"),
    "a file": (_a_file, "a file (open)"),
    "a file by its path": (lambda word: Path(__file__).read_bytes(), "a file (pathlib"),
    "whether a file is there": (lambda word: Path(__file__).exists(), "a file (pathlib"),
    "a folder": (lambda word: len(os.listdir("/")), "a file (os.listdir)"),
    "a temporary file": (lambda word: tempfile.TemporaryFile().close(), "a file (tempfile"),
    "the clock": (lambda word: time.time(), "the clock (time.time)"),
    "the clock under another name": (lambda word: bare_clock(), "the clock (time.monotonic)"),
    "a stop watch": (lambda word: time.perf_counter_ns(), "the clock (time.perf_counter_ns)"),
    "today": (lambda word: datetime.date.today(), "the clock (datetime.date.today)"),
    "now": (lambda word: datetime.datetime.now(datetime.UTC), "the clock (datetime.datetime.now)"),
    "now, from the framework": (lambda word: timezone.now(), "the clock (django.utils.timezone.now)"),
    "a nap": (lambda word: time.sleep(0), "the clock (time.sleep)"),
    "a die": (lambda word: random.random(), "randomness (random.random)"),
    "a choice": (lambda word: random.choice([1, 2]), "randomness (random.Random.choice)"),
    "a die without a seed": (lambda word: random.Random().random(), "randomness (random.Random"),
    "an id": (lambda word: uuid.uuid4(), "randomness (uuid.uuid4)"),
    "a secret": (lambda word: secrets.token_hex(), "randomness (secrets.token_hex)"),
    "bytes of the system": (lambda word: os.urandom(4), "randomness (os.urandom)"),
    "the environment": (lambda word: os.environ.get("PATH"), "the environment (os.environ)"),
    "a variable": (lambda word: os.getenv("PATH"), "the environment (os.environ)"),
    "the number of the process": (lambda word: os.getpid(), "the environment (os.getpid)"),
    "the name of the machine": (lambda word: socket.gethostname(), "the environment (socket.gethostname)"),
}


@pytest.mark.parametrize("name", ["reaches", "reaches_async"])
@pytest.mark.parametrize("way", WAYS)
def test_code_that_reaches_around_ctx_is_refused_and_named_with_its_line(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach, what = WAYS[way]
    word = a_word()
    monkeypatch.setitem(REACH, "now", reach)
    job = asked(name, {"word": word})
    assert run_until_parked(job).status == "completed"
    before = world.times(word)
    problem = replay_job(job)["problem"]
    assert (problem["kind"], problem["node"]) == ("outside_world", "main")
    assert problem["asked"].startswith(what)
    place = problem["place"].split(" in ")[0]
    assert place in {f"{__file__}:{line}" for line in _lines(reach)}
    assert "ctx" in problem["message"] or "module is imported" in problem["message"]
    assert problem["place"] in problem["message"]
    assert world.times(word) == before
    reach(word)  # outside a replay nobody watches


def _lines(reach: Callable[[str], Any]) -> set[int]:
    """The lines of a function, one of which is the breach's."""
    return {line for _start, _end, line in reach.__code__.co_lines() if line is not None}


def _logs(word: str) -> None:
    logging.getLogger("tests.closed").warning("here is %s", word)


def _imports_late(word: str) -> None:
    sys.modules.pop("tests.agents.late", None)
    importlib.import_module("tests.agents.late")


def _collected(word: str) -> None:
    """What others hang on the garbage collector runs in the middle of whatever runs."""

    def told(phase: str, info: Any) -> None:
        time.perf_counter()

    gc.callbacks.append(told)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(told)


HARMLESS: dict[str, Callable[[str], Any]] = {
    "a log line": _logs,
    "a collection of garbage, which others time": _collected,
    "an import, whose module reads what it likes": _imports_late,
    "a die with a seed": lambda word: random.Random(7).choice([1, 2]),
    "a zone": lambda word: zoneinfo.ZoneInfo("Europe/Madrid").utcoffset(datetime.datetime(2026, 1, 1)),
    "a moment read": lambda word: datetime.datetime.strptime("2026", "%Y"),
    "settings": lambda word: settings.DEBUG,
    "sums": lambda word: Decimal("1.1") + sum(range(9)),
    "names": lambda word: uuid.uuid5(uuid.NAMESPACE_DNS, word),
    "a digest": lambda word: hashlib.sha256(word.encode()).hexdigest(),
}


@pytest.mark.parametrize("name", ["reaches", "reaches_async"])
@pytest.mark.parametrize("way", HARMLESS)
def test_what_cannot_lead_elsewhere_is_let_be(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REACH, "now", HARMLESS[way])
    job = asked(name, {"word": a_word()})
    assert run_until_parked(job).status == "completed"
    assert replay_job(job)["problem"] is None


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
