"""`search`, `searches`, `anomalies`, `access`: what is asked of the API, and how the answers read."""

from __future__ import annotations

from typing import Any

import pytest

from aetheris_site.cli import auditing
from forensics.search import FILTERS, TARGETS
from tests.faces.command_line import Desk, aetheris, job, ok, page

JOB = job()["id"]
AT = "2026-11-22T17:18:56.123456Z"
FOUND = {
    "of": "events", "id": f"{JOB}#3", "job": JOB, "agent": "refund", "version": "1", "status": "parked", "node": "pay",
    "seq": 3, "at": AT, "what": "node_started", "state": "", "summary": "attempt 1\x1b",
}  # fmt: skip
SAVED = {
    "id": JOB,
    "name": "mine",
    "owner": {"id": "1", "name": "ann"},
    "shared": True,
    "query": {"of": "jobs"},
}
ENTRY = {
    "seq": 7, "at": AT, "who": {"name": "ann"}, "action": "verify", "question": "verify", "job": JOB, "outcome": "refused",
    "status": 404, "from": {"address": "203.0.113.9", "agent": "x"},
}  # fmt: skip


def asked(desk: Desk) -> dict[str, str]:
    """The query of the last request."""
    return dict(desk.asked[-1].url.params)


def test_the_command_knows_the_filters_of_the_server() -> None:
    assert set(auditing.FILTERS) == set(FILTERS)
    assert auditing.OF == TARGETS


def test_every_filter_is_sent_as_the_api_has_it() -> None:
    desk = Desk({"GET /api/forensics/query": page(FOUND)})
    given = [part for name in FILTERS for part in (f"--{name.replace('_', '-')}", f"x-{name}")]
    ended = aetheris("search", "--of", "effects", *given, "--limit", "5", desk=desk)
    assert ended.code == 0, ended.err
    assert asked(desk) == {"of": "effects", "limit": "6", **{name: f"x-{name}" for name in FILTERS}}
    assert f"{JOB}#3" in ended.out
    assert "\x1b" not in ended.out


def test_a_search_without_a_filter_asks_for_everything_and_prints_json() -> None:
    desk = Desk({"GET /api/forensics/query": page(FOUND)})
    assert aetheris("search", "--json", desk=desk).json == [FOUND]
    assert asked(desk) == {"limit": "21"}
    empty = aetheris("search", desk=Desk({"GET /api/forensics/query": page()}))
    assert "Nothing on record" in empty.err


def test_a_search_is_kept_listed_run_and_deleted() -> None:
    desk = Desk({
        "POST /api/forensics/queries": ok(SAVED, 201), "GET /api/forensics/queries": page(SAVED),
        f"GET /api/forensics/queries/{JOB}/run": page(FOUND), f"DELETE /api/forensics/queries/{JOB}": ok(None, 204),
    })  # fmt: skip
    assert (
        aetheris("search", "--of", "jobs", "--tag", "vip", "--save", "mine", "--shared", desk=desk).code == 0
    )
    assert desk.bodies() == [{"name": "mine", "query": {"of": "jobs", "tag": "vip"}, "shared": True}]
    assert "mine" in aetheris("searches", desk=desk).out
    assert "node_started" in aetheris("search", "--run", JOB, desk=desk).out
    assert aetheris("searches", "--delete", JOB, desk=desk).code == 0
    assert aetheris("search", "--run", JOB, "--tag", "x", desk=desk).code == 2


def test_anomalies_say_what_nothing_is_known_of() -> None:
    found: dict[str, Any] = {
        "kind": "retry_loop",
        "severity": "high",
        "job": JOB,
        "node": "pay",
        "at": AT,
        "reason": "again",
    }
    signals = [
        {"kind": "retry_loop", "state": "looked", "why": ""},
        {"kind": "broken_chain", "state": "unknown", "why": "not verified"},
    ]
    desk = Desk({"GET /api/forensics/anomalies": ok({"results": [found], "signals": signals})})
    ended = aetheris("anomalies", "--severity", "high", "--since", "24h", desk=desk)
    assert asked(desk) == {"severity": "high", "since": "24h"}
    assert "again" in ended.out
    assert "broken_chain: unknown; not verified" in ended.err
    assert "retry_loop" not in ended.err


def test_accesses_are_listed_with_who_and_whence() -> None:
    desk = Desk({"GET /api/forensics/access": page(ENTRY)})
    ended = aetheris("access", "--who", "ann", "--outcome", "refused", desk=desk)
    assert asked(desk) == {"who": "ann", "outcome": "refused", "limit": "21"}
    for word in ("ann", "refused 404", "203.0.113.9", JOB):
        assert word in ended.out


@pytest.mark.parametrize(("whole", "code"), [(True, 0), (False, 1)])
def test_the_log_itself_is_checked(whole: bool, code: int) -> None:
    problem = None if whole else {"kind": "changed_body", "seq": 3, "message": "entry 3"}
    answer = {
        "ok": whole,
        "tenant": "t",
        "entries": 7,
        "head": {"seq": 7, "hash": "0" * 64},
        "problem": problem,
    }
    ended = aetheris("access", "--verify", desk=Desk({"POST /api/forensics/access/verify": ok(answer)}))
    assert ended.code == code
    assert ("entry 3" in ended.err) == (not whole)
