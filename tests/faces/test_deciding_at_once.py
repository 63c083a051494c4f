"""Two people answer one question at the same moment, fifty times: one decision each, and the other learns whose."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections

from forensics.services import verify_job
from jobs.models import Approval, Event
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused

TIMES = 50


def _together(*calls: Any) -> list[Any]:
    """Make every call at once, each in a thread of its own; the answers in the order of the calls."""
    barrier, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def make(place: int, call: Any) -> None:
        try:
            barrier.wait(30)
            answers[place] = call()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=make, args=each) for each in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.engine
def test_approve_and_reject_at_the_same_moment_are_one_decision(engine_db: str) -> None:
    yes, no = (Caller(stage.person(group="finance", staff=False)) for _ in range(2))
    words = {"approve": "approved", "reject": "rejected"}
    for _ in range(TIMES):
        job = stage.job(stage.asking(), stage.paying())
        row = Approval.objects.get(job_id=job)

        def call(caller: Caller, decision: str, row: Approval = row) -> Any:
            body = {"decision": decision, "digest": row.digest}
            return lambda: caller.post(f"approvals/{row.id}/decide", body)

        answers = dict(zip(words, _together(call(yes, "approve"), call(no, "reject")), strict=True))
        [won] = [name for name, answer in answers.items() if answer.status_code == 200]
        [lost] = set(words) - {won}
        problem = refused(answers[lost], 409, "approval_closed")
        winner = {"approve": yes, "reject": no}[won].user.get_username()
        assert f"{winner} decided {won}" in problem["detail"]
        [decided] = Event.objects.filter(job_id=job, type="approval_decided").values_list("body", flat=True)
        assert f'"decision":"{won}"' in (decided or "")
        row.refresh_from_db()
        assert row.state == words[won]
        assert verify_job(job)["ok"]
