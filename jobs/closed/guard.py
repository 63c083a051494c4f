"""Closing the world to a block of code: what is heard of it, and what is told to whoever watches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cache
from types import FrameType
from typing import Any

from django.db import connections

from ledger.declared import watchman

from ..core.playback import OutsideWorld
from .frames import NOWHERE, is_an_agents, place_of
from .readings import meaning_of
from .reports import DATABASE, INSTEAD, TOOL, meaning
from .strictness import strict

Refuse = Callable[[OutsideWorld], object]


class _Watch:
    """Who is told. Called by a tool that is called directly; asked for its `refuse` by everybody else."""

    def __init__(self, refuse: Refuse) -> None:
        self.refuse = refuse

    def __call__(self, what: str) -> None:
        place = place_of(sys._getframe(1), from_runtime=True) or NOWHERE
        self.refuse(OutsideWorld(what, str(place), INSTEAD[TOOL]))


@contextmanager
def closed(refuse: Refuse, fn: Callable[..., Any]) -> Iterator[None]:
    """Close the world to the code of the block, and to the tasks and threads that inherit its context.

    A guard against mistakes, not against malice: C code that tells the interpreter nothing, and work that is handed to a
    thread which runs already, are not seen.

    Args:
        refuse: is given the error that says what was reached for, where in the agent's code, and what to write; it
            raises it.
        fn: the planner or workflow that is run.
    """
    is_an_agents(fn)
    _listen()
    token, before = watchman.set(_Watch(refuse)), sys.getprofile()
    try:
        with ExitStack() as shut:
            for connection in connections.all():
                shut.enter_context(connection.execute_wrapper(_queried))
            _look()
            yield
    finally:
        sys.setprofile(before)
        watchman.reset(token)


@contextmanager
def _closed_task(refuse: Refuse, fn: Callable[..., Any]) -> Iterator[None]:
    """Close it to one task of an event loop that others share: the loop's thread is looked at from now on."""
    is_an_agents(fn)
    _listen()
    _look()
    token = watchman.set(_Watch(refuse))
    try:
        yield
    finally:
        watchman.reset(token)


def while_strict(refuse: Refuse, fn: Callable[..., Any]) -> AbstractContextManager[None]:
    """The world closed to a step that runs, if steps run strictly; else nothing."""
    return closed(refuse, fn) if strict() else nullcontext()


def task_while_strict(refuse: Refuse, fn: Callable[..., Any]) -> AbstractContextManager[None]:
    """The same for one task of an event loop that others share."""
    return _closed_task(refuse, fn) if strict() else nullcontext()


def _look() -> None:
    """See the calls of this thread. A refusal takes the look away again: the interpreter drops one that raises."""
    if not isinstance(sys.getprofile(), _Look):
        sys.setprofile(_Look())


class _Look:
    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        if event != "c_call" and event != "call":
            return
        watch = watchman.get()
        if watch is None:
            return
        what, name = meaning_of(frame, event, arg)
        if what:
            _tell(watch, what, name, frame)


@cache
def _listen() -> None:
    """Hear what the interpreter reports; such a hook stays for the life of the process, so it is set up once."""
    sys.addaudithook(_heard)


def _heard(event: str, args: tuple[Any, ...]) -> None:
    what = meaning(event)
    if what and (watch := watchman.get()) is not None:
        _tell(watch, what, event, sys._getframe(1))


def _queried(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
    if (watch := watchman.get()) is not None:
        _tell(watch, DATABASE, str(sql).split(None, 1)[0], sys._getframe(1))
    return execute(sql, params, many, context)


def _tell(watch: Any, what: str, name: str, frame: FrameType) -> None:
    place = place_of(frame)
    if place is not None:
        told = name if what == DATABASE or name == "os.environ" else place.called or name
        watch.refuse(OutsideWorld(f"{what} ({told})", str(place), INSTEAD[what]))
