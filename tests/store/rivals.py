"""Rivals: another process that changes a job, and hooks at the statements of a commit, to make them meet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection, transaction

from jobs import turns
from jobs.core.commands import At, Command
from jobs.core.decide import decide
from jobs.core.moments import text
from jobs.store import at_once
from jobs.store.reading import Entry, refresh
from jobs.store.writing import append, seal


def as_another_process(job: str, wish: Command, *, worker: str | None = None) -> None:
    """Commit as a process would that shares nothing with this one: no cache, no queue."""
    from jobs import clock

    known = Entry(job)
    before = refresh(known)
    draft = decide(before, wish, At(text(clock.now())))
    with transaction.atomic(durable=True):
        append(seal(before, draft.state, draft.facts, known.hash), worker=worker)


def aside(work: Callable[[], Any]) -> Any:
    """Do something on a thread and a connection of its own, and wait for it; what it raises is raised here."""
    return Aside(work).result()


def elsewhere(work: Callable[[], Any]) -> Any:
    """Do something as another process would: it does not wait for this one's turn at the pen."""
    mine = turns._turns
    turns.forget()
    try:
        return aside(work)
    finally:
        turns._turns = mine


class Aside:
    """Work on a thread and a connection of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error
        finally:
            connection.close()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def result(self, seconds: float = 60) -> Any:
        """What it returned; raises what it raised."""
        self._thread.join(seconds)
        assert not self._thread.is_alive(), f"still at work after {seconds} s"
        if self._error is not None:
            raise self._error
        return self._value


@contextmanager
def before_statement(
    mark: str, action: Callable[[], None], *, times: int = 1, skip: int = 0
) -> Iterator[list[str]]:
    """Do something right before statements of this thread that contain `mark`.

    Yields:
        The statements at which it was done.
    """
    met: list[str] = []
    busy = False
    seen = 0

    def watch(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        nonlocal busy, seen
        if mark in str(sql) and not busy and len(met) < times:
            seen += 1
            if seen > skip:
                met.append(str(sql))
                busy = True
                try:
                    action()
                finally:
                    busy = False
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield met


def append_begins() -> str:
    """A mark of the statement at which a rival may still come first."""
    return "BEGIN" if connection.vendor == "sqlite" else 'UPDATE "aetheris_jobs_job"'


@contextmanager
def commits_lost(*fates: str, then: Callable[[], object] = lambda: None) -> Iterator[list[str]]:
    """The next commits of this thread lose their answer: `written` ones after they took effect, `gone` ones before.

    Args:
        fates: one for each commit, in their order.
        then: what others do right after each loss.

    Yields:
        The fates that have come true.
    """
    left, done = list(fates), []
    wrapper: Any = connection
    usual = wrapper._commit

    def lose(write: Callable[[], object], drop: Callable[[], object]) -> Any:
        if not left:
            return write()
        done.append(left.pop(0))
        if done[-1] == "written":
            write()
        else:
            drop()
        then()
        raise OperationalError("the connection was lost while the commit was under way")

    def statement(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if str(sql).startswith(at_once.BEGINNING) and not wrapper.in_atomic_block:
            return lose(lambda: execute(sql, params, many, context), lambda: None)
        return execute(sql, params, many, context)

    wrapper._commit = lambda: lose(usual, wrapper._rollback)
    wrapper.execute_wrappers.insert(0, statement)  # a tool enters this, and who called the tool has some too
    try:
        yield done
    finally:
        wrapper.execute_wrappers.remove(statement)
        del wrapper._commit
