"""Who speaks to a job over HTTP, or inside a transaction of its own, and has the other side die under it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs import pause
from tests.factories import person
from tests.fatal import web
from tests.fatal.audit import query
from tests.fatal.stage import Stage
from tests.fatal.windows.attending import WORD, Attendant
from tests.fatal.windows.window import Window

BORN = {"submit": 1, "retry": 2, "fork": 2}  # how many jobs there are when it has been granted
KEY = {"Idempotency-Key": WORD}
GRANTED, CLOSED = (200, 202), 409  # what was already done is refused the second time, or done again
ONCE = {
    "submit": "job_created", "signal": "signal_received", "approve": "approval_decided", "cancel": "job_cancelled",
    "pause": "job_paused", "resume": "job_resumed", "resolve": "outcome_resolved", "retry": "job_created",
    "fork": "job_created",
}  # fmt: skip


@dataclass(frozen=True)
class Request:
    """One request to the API."""

    path: str
    body: dict[str, Any]


def request_for(stage: Stage, window: Window, job: str) -> Request:
    """What the window's verb sends."""
    match window.verb:
        case "submit":
            return Request("jobs", {"agent": f"fatal-{window.form}", "goal": window.goal})
        case "signal":
            return Request(f"jobs/{job}/signals", {"name": "go", "id": WORD})
        case "approve":
            asked = query(stage.database, "SELECT id, digest FROM aetheris_jobs_approval")[0]
            return Request(
                f"approvals/{UUID(str(asked['id']))}/decide",
                {"decision": "approve", "digest": asked["digest"]},
            )
        case "resolve":
            line = stage.lines(job)[0]
            landed = stage.effects.refunds(line["idempotency_key"])[0]
            return Request(
                f"unresolved/{UUID(str(line['id']))}/resolve", {"verdict": "landed", "result": landed}
            )
        case "fork":
            return Request(f"jobs/{job}/fork", {"at": end_of(stage, job, "pay")})
        case verb:
            return Request(f"jobs/{job}/{verb}", {})


def api(stage: Stage, window: Window) -> Attendant:
    """The API dies around a verb; a request without an answer is sent to the next one."""
    token = somebodys_token()
    job = _brought_to_where_it_is_asked(stage, window)
    request = request_for(stage, window, job)
    first = web.api(stage, crash=window.at)
    status, told = 0, None
    with suppress(*web.BROKEN):
        status, told = web.post(first, request.path, request.body, token, **KEY)
    if window.at:
        assert not status, f"it answered {status} {told}, and should have died at {window.at}"
    else:
        assert status in GRANTED, told
    first.kill()
    if not status:
        status, told = web.post(web.api(stage), request.path, request.body, token, **KEY)
        assert status in (*GRANTED, CLOSED), told
    born = BORN.get(window.verb)
    attendant = Attendant(stage, window, str((told or {})["id"]) if born else job)
    if window.verb == "submit":
        stage.worker()
    assert stage.how_many_jobs() == (born or 1)
    assert attendant.story().count(ONCE[window.verb]) == 1, stage.story()
    return attendant


def _brought_to_where_it_is_asked(stage: Stage, window: Window) -> str:
    """The id of a job that waits for the verb; empty where it is to be born."""
    if window.verb == "submit":
        return ""
    first = stage.worker(crash="before_outcome:1" if window.verb == "resolve" else "", slots=1)
    job = stage.submit_goal(window.form, window.goal)
    if window.verb == "resolve":
        stage.until_dead(first)
        stage.worker()
    stage.until_status(job, "parked", "failed")
    if window.verb == "resume":
        pause(job, actor=person())
    return job


def end_of(stage: Stage, job: str, node: str) -> int:
    """The number of the event with which a step ended."""
    ends = [e["seq"] for e in stage.events(job) if (e["type"], e["node"]) == ("node_finished", node)]
    return int(ends[-1])


def somebodys_token() -> str:
    """Of somebody who may do everything, approve too."""
    from jobs import tokens
    from tests.faces.admin_stage import OPERATOR
    from tests.faces.admin_stage import person as user

    return tokens.create(user(*OPERATOR, group="finance"), tenant="default").text


def host(stage: Stage, window: Window) -> Attendant:
    """A process submits inside its own transaction and dies; it does so again, under the same key."""
    goal = json.dumps(window.goal)
    for crash in (window.at, ""):
        process = stage.start(
            "tests.fatal.submitting", [f"fatal-{window.form}", goal, WORD], AETHERIS_CRASH=crash
        )
        stage.until(lambda process=process: not process.alive, "the submission", ticking=False)
        assert ("job " in process.said) is not crash.startswith(("in_", "before_", "after_")), process.said
    assert stage.how_many_jobs() == 1
    stage.worker()
    return Attendant(stage, window, process.said.split("job ")[1].strip())
