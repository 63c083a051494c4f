"""Asking a tool on the console what became of its call: what it says settles the call where it proves something."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jobs import clock, store
from jobs.core.commands import LoseLease, Outcome, Promise, StartNode, Tell
from jobs.core.ids import idempotency_key
from jobs.core.moments import plus, text
from jobs.models import Event
from ledger import Absent, Landed, ToolCall, Unknown, tool
from ledger.models import Invocation
from tests.faces import admin_stage as stage

pytestmark = pytest.mark.usefixtures("engine_db")
SAYS: dict[str, Any] = {}


@tool(effect="at_most_once", name="asked_by_hand")
def asked_by_hand(call: ToolCall) -> None:
    """Never called here."""


@asked_by_hand.probe
def _said(call: ToolCall) -> Landed | Absent | Unknown:
    found = SAYS[call.idempotency_key]
    assert isinstance(found, Landed | Absent | Unknown)
    return found


def _unknown(says: Any, *, dead: bool = False, seconds: float = -1.0) -> tuple[str, str]:
    job = stage.job({"id": "pay", "kind": "tool", "tool": "asked_by_hand", "args": {}})
    key = idempotency_key(job, "pay")
    SAYS[key] = says
    me = stage.worker()
    promise = Promise(
        tool="asked_by_hand", version="1", schema="s", effect="at_most_once", key=key, args={}, probe=True,
        deadline=plus(text(clock.now()), seconds),
    )  # fmt: skip
    state = store.commit(job, StartNode("pay", me, promise), worker=me).state
    asked = state.calls["pay"]
    if dead:
        store.commit(job, LoseLease("pay", asked.fence, "worker_dead", True))
    else:
        broken = Outcome("timeout", error={"message": "no answer"})
        store.commit(job, Tell("pay", asked.fence, "pay", asked.attempt, broken))
    return job, str(asked.info["invocation"])


def _ask(line: str, user: Any = None) -> str:
    browser = stage.browser(user or stage.operator())
    assert "Ask the tool now" in browser.get(f"/effects/{line}").content.decode()
    return str(stage.post(browser, f"/effects/{line}", {"probe": "yes"}).content.decode())


def test_landed_settles_the_call_and_the_record_says_who_had_the_tool_asked() -> None:
    job, line = _unknown(Landed({"refund": "R-1"}))
    user = stage.operator()
    assert "says that it landed" in _ask(line, user)
    row = Invocation.objects.get(pk=line)
    assert (row.state, row.result) == ("landed", '{"refund":"R-1"}')
    told = json.loads(Event.objects.get(job_id=job, type="outcome_resolved").body or "{}")
    assert told["by"]["name"] == f"probe of asked_by_hand, asked by {user.username}"


def test_absent_settles_only_what_a_dead_process_sent() -> None:
    _, line = _unknown(Absent())
    assert "proves nothing" in _ask(line)
    assert Invocation.objects.get(pk=line).state == "unknown"
    _, line = _unknown(Absent(), dead=True)
    assert "which is proven" in _ask(line)
    assert Invocation.objects.get(pk=line).state == "absent"


def test_a_tool_that_cannot_tell_or_is_asked_too_early_changes_nothing() -> None:
    job, line = _unknown(Unknown("the bank is closed"))
    events = Event.objects.filter(job_id=job).count()
    assert "the bank is closed" in _ask(line)
    assert Event.objects.filter(job_id=job).count() == events
    _, line = _unknown(Landed(1), seconds=60.0)
    assert "may still be on its way until" in _ask(line)
    assert Invocation.objects.get(pk=line).state == "unknown"


def test_a_tool_without_a_probe_and_one_that_is_not_here_are_refused_with_advice() -> None:
    _, line = stage.unknown_call()
    browser = stage.browser(stage.operator())
    assert "Ask the tool now" not in browser.get(f"/effects/{line}").content.decode()
    page = stage.post(browser, f"/effects/{line}", {"probe": "yes"}).content.decode()
    assert "is not registered in this process" in page
    stranger = stage.browser(stage.person())
    assert stage.post(stranger, f"/effects/{line}", {"probe": "yes"}).status_code == 403
