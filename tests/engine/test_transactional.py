"""Transactional tools: their rows and their outcome are written together, or neither is (design §5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError

from jobs import TaskGraph, signal, submit
from jobs.models import Delivery, Job
from jobs.testing import run_until_parked
from ledger import NotLanded, ToolCall
from tests.agents import world
from tests.agents.ledgers import doing, enrol, rows, scripted
from tests.engine.driving import (
    a_word,
    after,
    error_at,
    error_of,
    kinds,
    line_of,
    one,
    ran,
    started,
)
from tests.factories import person
from tests.store.audit import check

pytestmark = pytest.mark.usefixtures("here")


def test_the_row_and_the_outcome_are_there() -> None:
    word = a_word()
    job = started(one(enrol, word))
    state = run_until_parked(job)
    assert (state.status, state.output) == ("completed", {"row": f"{word} 1", "attempt": 1})
    assert (rows(word), line_of(job).state, line_of(job).effect) == ([f"{word} 1"], "landed", "transactional")
    assert kinds(job)[-6:] == [
        "tool_invocation_started", "tool_invocation_finished", "command_committed", "reasoning_snapshot",
        "node_finished", "job_completed",
    ]  # fmt: skip
    check(job)


def test_an_exception_after_the_write_leaves_no_row_and_is_tried_again() -> None:
    word = a_word()
    world.script(word, ValueError("broken"))
    job = started(one(enrol, word))
    state = run_until_parked(job)
    assert (state.calls["call"].status, rows(word), line_of(job).state) == ("backoff", [], "not_landed")
    assert after(job, 11).status == "completed"
    assert rows(word) == [f"{word} 2"]
    assert world.times(f"{word} {line_of(job).idempotency_key}") == 2, "the key is the same"
    check(job)


def test_not_landed_that_is_permanent_is_not_tried_again() -> None:
    word = a_word()
    world.script(word, NotLanded("never", permanent=True))
    assert error_of(ran(one(enrol, word)))["code"] == "not_landed"
    assert (rows(word), world.times(word)) == ([], 1)


def test_a_result_that_cannot_be_stored_takes_its_rows_with_it() -> None:
    word = a_word()
    world.script(word, object())
    job = started(one(enrol, word))
    assert error_of(run_until_parked(job))["code"] == "result_unstorable"
    assert (rows(word), line_of(job).state) == ([], "not_landed")


def test_a_constraint_that_is_checked_at_the_commit_is_the_tools_own_failure() -> None:
    word = a_word()

    def dangle(call: ToolCall) -> None:
        Permission.objects.create(name="x", content_type_id=10**6, codename=word)

    with doing(word, dangle):
        job = started(one(scripted, word))
        state = run_until_parked(job)
        assert state.calls["call"].status == "backoff"
        assert error_at(state)["class"].endswith("IntegrityError")
        assert error_of(after(job, 11))["code"] == "raised"
    assert rows(word) == []
    check(job)


def test_a_database_error_that_the_tool_swallows_is_no_success() -> None:
    word = a_word()

    def swallow(call: ToolCall) -> str:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT nothing FROM nowhere")
        except DatabaseError:
            transaction.set_rollback(True)  # what `atomic` does for a query of the ORM
        return "fine"

    with doing(word, swallow):
        state = run_until_parked(started(one(scripted, word)))
    assert state.calls["call"].status == "backoff"
    assert rows(word) == []


def test_a_savepoint_of_the_tools_own_is_rolled_back_alone() -> None:
    word = a_word()

    def partly(call: ToolCall) -> str:
        try:
            with transaction.atomic():
                Group.objects.create(name=f"{word} inner")
                raise ValueError
        except ValueError:
            return "outer"

    with doing(word, partly):
        assert ran(one(scripted, word)).output == "outer"
    assert rows(word) == [f"{word} 1"]


@pytest.mark.parametrize("sql", ["COMMIT", "  rollback", "BEGIN", "END", "start transaction"])
def test_a_tool_that_ends_its_transaction_is_refused(sql: str) -> None:
    word = a_word()

    def end(call: ToolCall) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    with doing(word, end):
        error = error_of(ran(one(scripted, word)))
    assert (error["class"], rows(word)) == ("ledger.guard.OwnTransaction", [])


@pytest.fixture
def second(tmp_path: Any) -> Iterator[str]:
    """Another database of this project."""
    more = {"default": connections["default"].settings_dict,
            "second": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "second.sqlite3")}}  # fmt: skip
    connections.settings["second"] = connections.configure_settings(more)["second"]
    yield "second"
    connections["second"].close()
    del connections["second"], connections.settings["second"]


@pytest.mark.parametrize("sql", ["SELECT 1", "CREATE TABLE t (x)"])
def test_another_database_is_refused_inside_the_call(second: str, sql: str) -> None:
    word = a_word()

    def reach(call: ToolCall) -> None:
        with connections[second].cursor() as cursor:
            cursor.execute(sql)

    with doing(word, reach):
        error = error_of(ran(one(scripted, word)))
    assert (error["class"], rows(word)) == ("ledger.guard.OtherDatabase", [])
    assert "'second'" in error["message"]
    reachable = connections[second].cursor()
    reachable.execute("SELECT 1")
    reachable.close()


def test_a_job_that_the_tool_submits_exists_exactly_if_the_tool_landed() -> None:
    word = a_word()
    made: list[str] = []

    def hire(call: ToolCall) -> str:
        made.append(str(submit("adder", {"a": 1, "b": len(made)}, actor=person())))
        if len(made) == 1:
            raise ValueError("after the submission")
        return made[-1]

    with doing(word, hire):
        job = started(one(scripted, word))
        run_until_parked(job)
        assert not Job.objects.filter(id=made[0]).exists()
        state = after(job, 11)
    assert state.output == made[1]
    assert Job.objects.filter(id__in=made).count() == 1


def test_a_word_that_the_tool_sends_arrives_exactly_if_the_tool_landed() -> None:
    graph, word = TaskGraph(), a_word()
    graph.output(graph.wait("go", signal="go"))
    other = started(graph)
    run_until_parked(other)

    def tell(call: ToolCall) -> None:
        signal(other, "go", call.attempt)
        if call.attempt == 1:
            raise ValueError("after the signal")

    with doing(word, tell):
        job = started(one(scripted, word))
        run_until_parked(job)
        assert not Delivery.objects.filter(job_id=other).exists()
        after(job, 11)
    assert run_until_parked(other).output == 2


def test_a_hook_that_fails_after_the_commit_undoes_nothing() -> None:
    word, met = a_word(), []

    def hook() -> None:
        met.append(kinds(job)[-1])
        raise RuntimeError("the mail server is away")

    with doing(word, lambda call: transaction.on_commit(hook)):
        job = started(one(scripted, word))
        assert run_until_parked(job).status == "completed"
    assert (rows(word), met) == ([f"{word} 1"], ["job_completed"])
    check(job)
