"""A transactional call beside others: rivals at its job, its time, and answers that are lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from jobs import cancel, deadlines, runner, signal, store
from jobs.core.commands import LoseLease
from jobs.core.state import JobState
from jobs.services import pause
from jobs.testing import run_until_parked
from ledger import ToolCall, tool
from ledger.guard import TimeIsOver
from tests.agents import world
from tests.agents.ledgers import doing, enrol, rows, scripted
from tests.agents.tools import send
from tests.engine.driving import (
    a_word,
    after,
    asked,
    beside,
    error_at,
    error_of,
    flow,
    kinds,
    line_of,
    one,
    ran,
    started,
)
from tests.factories import person
from tests.store.audit import check
from tests.store.rivals import aside, commits_lost

pytestmark = pytest.mark.usefixtures("here")


def test_a_signal_at_the_head_meanwhile_makes_nothing_be_done_twice() -> None:
    """On SQLite it waits for its turn; on Postgres it is written first, and the outcome follows it."""
    word = a_word()
    threads: list[threading.Thread] = []

    def interrupted(call: ToolCall) -> str:
        threads.append(beside(lambda: signal(call.job_id, "go", 1, actor=person())))
        if connection.vendor == "postgresql":
            threads[0].join(20)
        return "done"

    graph = one(scripted, word)
    graph.wait("go", signal="go")
    with doing(word, interrupted):
        job = started(graph)
        run_until_parked(job)
        threads[0].join(20)
        state = run_until_parked(job)
    assert (state.status, state.output) == ("completed", "done")
    assert (rows(word), world.times(word)) == ([f"{word} 1"], 1)
    if connection.vendor == "postgresql":
        assert kinds(job).index("signal_received") < kinds(job).index("tool_invocation_finished", 10)
    check(job)


class Rival:
    """Somebody who changes the job once, before the call's transaction begins or while the tool runs in it."""

    def __init__(self, moment: str) -> None:
        self.moment, self.word = moment, a_word()
        self.action: Callable[[str], object] | None = None

    def strike(self, moment: str, job: str) -> None:
        action = self.action
        if action is not None and moment == self.moment:
            self.action = None
            aside(lambda: action(job))

    def run(self, job: str) -> JobState:
        """The job, whose one call meets the rival."""

        def tool_body(call: ToolCall) -> str:
            self.strike("inside", call.job_id)
            return f"attempt {call.attempt}"

        with doing(self.word, tool_body):
            return run_until_parked(job)


@pytest.fixture(params=["before", "inside"])
def rival(request: pytest.FixtureRequest, here: object, monkeypatch: pytest.MonkeyPatch) -> Rival:
    """A rival at either moment; on SQLite nobody writes while a transaction is open."""
    if request.param == "inside":
        needs_rivals()
    made = Rival(request.param)
    usual = store.commit_jointly

    def joint(job: Any, *args: Any, **options: Any) -> store.Committed:
        made.strike("before", job)
        return usual(job, *args, **options)

    monkeypatch.setattr(store, "commit_jointly", joint)
    return made


def needs_rivals() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite nobody writes while a transactional tool runs")


def lose(job: str, step: str) -> None:
    """The sweep takes the claim away."""
    fence = store.load(job).nodes[step].fence
    store.commit(job, LoseLease(step, fence, "worker_dead", known_dead=False))


def test_a_claim_that_was_lost_meanwhile_rolls_the_rows_back_and_the_call_is_made_again(rival: Rival) -> None:
    rival.action = lambda job: lose(job, "call")
    job = started(one(scripted, rival.word))
    assert rival.run(job).output == "attempt 2"
    assert (rows(rival.word), world.times(rival.word)) == ([f"{rival.word} 2"], 2)
    assert "late_outcome" not in kinds(job)
    check(job)


def test_a_job_that_is_cancelled_meanwhile_ends_at_once_and_keeps_no_row(rival: Rival) -> None:
    rival.action = lambda job: cancel(job, actor=person())
    job = started(one(scripted, rival.word))
    assert rival.run(job).status == "cancelled"
    assert (rows(rival.word), line_of(job).state) == ([], "abandoned")
    check(job)


def test_a_job_that_is_paused_meanwhile_keeps_what_was_written(rival: Rival) -> None:
    rival.action = lambda job: pause(job, actor=person())
    job = started(one(scripted, rival.word))
    rival.run(job)
    assert (rows(rival.word), line_of(job).state) == ([f"{rival.word} 1"], "landed")
    check(job)


def test_a_call_of_a_job_that_ends_meanwhile_is_rolled_back(rival: Rival) -> None:
    """Another effect, in doubt, keeps the job from its end."""
    doubtful = a_word()
    world.script(doubtful, OSError("reset"))
    graph = one(scripted, rival.word)
    graph.tool("pay", send, word=doubtful)

    def doubt_and_cancel(job: str) -> None:
        runner.drive(job, "pay")
        cancel(job, actor=person())

    rival.action = doubt_and_cancel
    job = started(graph)
    state = rival.run(job)
    assert (state.phase, state.nodes["call"].status, rows(rival.word)) == ("cancelling", "failed", [])
    assert (state.nodes["call"].error or {})["code"] == "job_ending"
    check(job)


def test_a_workflow_that_catches_everything_does_not_go_on_under_a_lost_claim(rival: Rival) -> None:
    rival.action = lambda job: lose(job, "main")
    state = rival.run(asked("scripts", {"word": rival.word}))
    assert state.output == "attempt 2"
    assert rows(rival.word) == [f"{rival.word} 2"]


@flow
def scripts(ctx: Any, goal: dict[str, Any]) -> Any:
    """Catch whatever is an exception."""
    try:
        return ctx.tool(scripted, word=goal["word"])
    except Exception as error:
        return f"caught {type(error).__name__}"


# --- time


@pytest.fixture
def brief(settings: Any) -> float:
    """A lease so short that a transactional call may take half a second."""
    settings.AETHERIS = {**settings.AETHERIS, "LEASE_TTL": 1.5}
    return 0.5


def test_a_call_that_takes_too_long_is_rolled_back_and_counts_as_one_that_did_not_land(
    brief: float, settings: Any
) -> None:
    word = a_word()
    with doing(word, lambda call: time.sleep(1.2 * brief) if call.attempt == 1 else "in time"):
        job = started(one(scripted, word))
        state = run_until_parked(job)
        assert (state.calls["call"].status, rows(word), line_of(job).state) == ("backoff", [], "not_landed")
        assert error_at(state)["code"] == "timeout"
        settings.AETHERIS = {**settings.AETHERIS, "LEASE_TTL": 60}
        assert after(job, 11).output == "in time"
    assert rows(word) == [f"{word} 2"]
    check(job)


def test_a_statement_that_takes_too_long_is_stopped(brief: float) -> None:
    endless = {
        "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
        "postgresql": "SELECT pg_sleep(60)",
    }[connection.vendor]
    word = a_word()

    def compute(call: ToolCall) -> None:
        with connection.cursor() as cursor:
            cursor.execute(endless)

    with doing(word, compute):
        state = ran(one(scripted, word))
    assert error_at(state)["code"] == "timeout"
    assert rows(word) == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_no_statement_begins_after_the_time(brief: float) -> None:
    word, refused = a_word(), []

    def go_on(call: ToolCall) -> None:
        time.sleep(1.2 * brief)
        try:
            Group.objects.create(name=f"{word} late")
        except TimeIsOver as over:
            refused.append(str(over))

    with doing(word, go_on):
        state = ran(one(scripted, word))
    assert (error_at(state)["code"], len(refused), rows(word)) == ("timeout", 1, [])


def test_a_tool_that_declares_more_time_than_its_lease_allows_is_refused_at_start_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow() -> None: ...

    made = tool(effect="transactional", name="tt.slow", timeout=4)(slow)
    monkeypatch.setattr(deadlines, "all_tools", lambda: {"tt.slow": made})
    with pytest.raises(ImproperlyConfigured, match=r"'tt.slow'.*timeout=4 s.*3\.33 s at most"):
        deadlines.check()
    assert deadlines.seconds_of(made) == pytest.approx(10 / 3)


def test_a_node_that_wants_more_time_than_its_lease_allows_is_refused_at_planning() -> None:
    error = error_of(ran(one(enrol, a_word(), timeout=30)))
    assert error["code"] == "timeout_too_long"
    assert error["node"] == "call"


# --- lost answers


def joint_commits_lost(word: str, *fates: str) -> Any:
    """The commit of the next call's outcome loses its answer."""
    manager = commits_lost(*fates)

    def begin(call: ToolCall) -> str:
        if not world.times(f"{word} lost"):
            world.did(f"{word} lost")
            manager.__enter__()
        return "done"

    return doing(word, begin), manager


@pytest.mark.parametrize(("fate", "times"), [("written", 1), ("gone", 2)])
def test_a_commit_whose_answer_is_lost_landed_once_or_is_made_again(fate: str, times: int) -> None:
    word = a_word()
    scene, manager = joint_commits_lost(word, fate)
    with scene:
        job = started(one(scripted, word))
        state = run_until_parked(job)
    manager.__exit__(None, None, None)
    assert (state.status, state.output) == ("completed", "done")
    assert (rows(word), world.times(word)) == ([f"{word} {times}"], times)
    check(job)
