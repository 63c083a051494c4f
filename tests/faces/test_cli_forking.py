"""`retry` and `fork` on the command line: the new job's id, and nothing repeated that nobody has said yes to."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from aetheris_site.cli import session
from tests.faces.command_line import Desk, aetheris, job, ok, problem

JOB = job()["id"]
NEW = "0197c1a2-0000-7000-8000-0000000000b1"
PAID = "0197c1a2-0000-8000-8000-0000000000c1"
CALL = {"invocation": PAID, "tool": "issue_refund", "node": "pay", "key": "aet-1", "state": "landed"}
BORN = job(id=NEW, status="pending", forked_from={"job": JOB, "seq": 9, "how": "fork"})


def retries(answer: Any) -> Desk:
    return Desk({f"POST /api/jobs/{JOB}/retry": answer})


def forks() -> Desk:
    """A server that wants a confirmation."""

    def answer(request: httpx.Request) -> httpx.Response:
        if f'"confirm":["{PAID}"]' in request.content.decode().replace(" ", ""):
            return ok(BORN, 202)
        return problem(409, "landed_after_cut", "issue_refund landed after event 9", calls=[CALL])

    return Desk({f"POST /api/jobs/{JOB}/fork": answer})


def test_a_retry_prints_the_new_job() -> None:
    server = retries(ok(job(id=NEW), 202))
    ended = aetheris("retry", JOB, desk=server)
    assert (ended.code, ended.out.strip()) == (0, NEW)
    assert server.asked[0].headers["Idempotency-Key"]
    assert aetheris("retry", JOB, "--json", desk=retries(ok(job(id=NEW), 202))).json["id"] == NEW


def test_a_refused_retry_says_why_and_ends_with_4() -> None:
    server = retries(problem(409, "retried_already", f"job {JOB} was retried already, as job {NEW}"))
    ended = aetheris("retry", JOB, desk=server)
    assert (ended.code, ended.out) == (4, "")
    assert "retried_already" in ended.err


def test_a_fork_sends_the_event_and_the_goal() -> None:
    server = Desk({f"POST /api/jobs/{JOB}/fork": ok(BORN, 202)})
    ended = aetheris("fork", JOB, "--at", "9", "--goal", '{"n": 2}', desk=server)
    assert (ended.code, ended.out.strip()) == (0, NEW)
    assert server.bodies() == [{"at": 9, "confirm": [], "goal": {"n": 2}}]


def test_without_a_person_what_landed_later_is_listed_and_nothing_is_forked() -> None:
    server = forks()
    ended = aetheris("fork", JOB, "--at", "9", desk=server)
    assert (ended.code, len(server.asked)) == (4, 1)
    assert f"{PAID}  issue_refund at pay (landed, key aet-1)" in ended.err
    assert f"--confirm {PAID}" in ended.err
    assert aetheris("fork", JOB, "--at", "9", "--confirm", PAID, desk=forks()).out.strip() == NEW


@pytest.mark.parametrize("yes", [True, False])
def test_a_person_is_asked(yes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.Session, "has_person", property(lambda self: True))
    monkeypatch.setattr("click.confirm", lambda *args, **more: yes)
    server = forks()
    ended = aetheris("fork", JOB, "--at", "9", desk=server)
    assert (ended.code, ended.out.strip()) == ((0, NEW) if yes else (1, ""))
    keys = {request.headers["Idempotency-Key"] for request in server.asked}
    assert (len(server.asked), len(keys)) == (2 if yes else 1, 1)


@pytest.mark.parametrize("words", [["--at", "0"], ["--at", "x"], []])
def test_a_fork_without_an_event_is_a_usage_error(words: list[str]) -> None:
    assert aetheris("fork", JOB, *words, desk=forks()).code == 2


def test_a_job_shows_where_it_comes_from_and_what_comes_from_it() -> None:
    whole = job(forked_from={"job": NEW, "seq": 9, "how": "retry"},
                forks=[{"job": NEW, "seq": 7, "how": "fork", "status": "parked"}])  # fmt: skip
    shown = aetheris("job", JOB, desk=Desk({f"GET /api/jobs/{JOB}": ok(whole)})).out
    assert f"retry of {NEW} at event 9" in shown
    assert f"fork {NEW} from event 7 (parked)" in shown
