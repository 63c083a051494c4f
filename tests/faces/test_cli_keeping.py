"""`erase`, `hold`, `release`, `holds`, `tombstones`, `retention`: what is asked of the API, and how the answers read."""

from __future__ import annotations

from typing import Any

from aetheris_site.cli import keeping
from jobs.queries.holds import SCOPES
from tests.faces.command_line import Desk, aetheris, job, ok, page, problem

JOB = job()["id"]
AT = "2026-11-22T17:18:56.123456Z"
HOLD: dict[str, Any] = {
    "id": JOB, "scope": "tag", "value": "case-7", "reason": "in court\x1b", "reference": "AZ 7/26", "through": None,
    "placed_by": {"id": "1", "name": "ann"},
    "placed_at": AT, "released": None,
}  # fmt: skip
STONE: dict[str, Any] = {
    "job": JOB, "agent": "refund", "version": "1", "pruned_at": AT, "pruned_by": {"id": "retention", "name": "retention policy"},
    "reason": "its time is over", "events": 12, "archive": {"path": "/srv/x.zip", "sha256": "ab"}, "problem": None,
}  # fmt: skip
ERASED: dict[str, Any] = {"erased": [{"seq": 3, "digest": "ab"}], "events": [], "refused": None, "copies": []}


def test_the_command_knows_the_scopes_of_the_server() -> None:
    assert keeping.SCOPES == SCOPES


def test_erasing_sends_the_choice_the_ground_and_the_reason() -> None:
    desk = Desk({f"POST /api/jobs/{JOB}/erase": ok(ERASED)})
    ended = aetheris("erase", JOB, "--event", "3", "--basis", "Art. 17", "--reason", "asked to", desk=desk)
    assert ended.code == 0, ended.err
    assert "1 events" in ended.out
    assert desk.bodies() == [{"everything": False, "dry_run": False, "also_copies": False, "legal_basis": "Art. 17",
                              "reason": "asked to", "events": [3]}]  # fmt: skip


def test_a_dry_run_says_what_stands_against_it_and_a_refusal_ends_with_its_code() -> None:
    against = {**ERASED, "refused": {"code": "legal_hold", "message": "job is under legal hold"}}
    desk = Desk({f"POST /api/jobs/{JOB}/erase": ok(against)})
    assert "legal hold" in aetheris("erase", JOB, "--all", "--dry-run", desk=desk).err
    desk = Desk({f"POST /api/jobs/{JOB}/erase": problem(409, "legal_hold", "job is under legal hold")})
    ended = aetheris("erase", JOB, "--all", "--basis", "b", "--reason", "r", desk=desk)
    assert ended.code != 0
    assert "legal hold" in ended.err


def test_a_hold_is_placed_listed_and_released() -> None:
    desk = Desk({
        "POST /api/forensics/holds": ok(HOLD, 201), "GET /api/forensics/holds": page(HOLD),
        f"GET /api/jobs/{JOB}/hold": page(HOLD), f"POST /api/forensics/holds/{JOB}/release": ok(HOLD),
    })  # fmt: skip
    assert (
        aetheris("hold", "tag", "case-7", "--reason", "in court", "--reference", "AZ 7/26", desk=desk).code
        == 0
    )
    assert desk.bodies()[-1]["reference"] == "AZ 7/26"
    assert desk.asked[-1].headers["Idempotency-Key"]
    assert (
        aetheris("hold", "query", '{"agent": "refund"}', "--reason", "r", "--key", "k", desk=desk).code == 0
    )
    assert desk.asked[-1].headers["Idempotency-Key"] == "k"
    assert desk.bodies()[-1]["value"] == {"agent": "refund"}
    shown = aetheris("holds", "--state", "standing", desk=desk).out
    assert "tag case-7" in shown
    assert "\x1b" not in shown
    assert aetheris("holds", "--job", JOB, "--json", desk=desk).json == [HOLD]
    assert aetheris("release", JOB, "--reason", "settled", desk=desk).code == 0
    assert aetheris("holds", "--job", JOB, "--state", "standing", desk=desk).code == 2
    assert aetheris("hold", "world", "x", "--reason", "r", desk=desk).code == 2


def test_tombstones_and_policies_are_listed() -> None:
    policy = {"said": "agent=refund keep=365d then=prune", "basis": "Art. 5"}
    desk = Desk({"GET /api/forensics/tombstones": page(STONE),
                 "GET /api/forensics/retention": ok({"policies": [policy], "presets": []})})  # fmt: skip
    assert "/srv/x.zip" in aetheris("tombstones", desk=desk).out
    assert "keep=365d" in aetheris("retention", desk=desk).out


def test_retention_goes_on_until_nothing_is_left_and_looks_unless_told_to_act() -> None:
    due = {"job": JOB, "then": "prune", "policy": "keep=1ms", "refused": None}
    one = {"jobs": [due], "pruned": 1, "erased": 0, "refused": 0, "more": True, "next": "0/a/b"}
    two = {**one, "more": False, "next": "0/c/d"}
    desk = Desk({"POST /api/forensics/retention": [ok(one), ok(two)]})
    told = aetheris("retention", "--apply", "--json", desk=desk).json
    assert (told["pruned"], len(told["jobs"])) == (2, 2)
    assert desk.bodies() == [{"dry_run": False, "after": ""}, {"dry_run": False, "after": "0/a/b"}]
    desk = Desk({"POST /api/forensics/retention": ok(two)})
    assert JOB in aetheris("retention", "--due", desk=desk).out
    assert desk.bodies() == [{"dry_run": True, "after": ""}]
    assert aetheris("retention", "--due", "--apply", desk=desk).code == 2


SEEN: dict[str, Any] = {
    "job": JOB, "dry_run": True, "head": {"seq": 12, "hash": "ab" * 32}, "events": 12, "calls": 2, "approvals": 1, "keys": 1,
    "archive": "/srv/archive", "copies": [{"job": "other-job"}], "refused": None, "tombstone": None, "already": False,
}  # fmt: skip
PRUNED = {
    **SEEN,
    "dry_run": False,
    "tombstone": {**STONE, "basis": "Art. 5", "head": SEEN["head"], "key": "ff"},
}
WHY = ("--basis", "Art. 5", "--reason", "its time is over")


def test_pruning_looks_first_sends_the_head_that_it_saw_and_shows_the_tombstone() -> None:
    desk = Desk({f"POST /api/jobs/{JOB}/prune": [ok(SEEN), ok(PRUNED)]})
    ended = aetheris("prune", JOB, *WHY, "--yes", desk=desk)
    assert ended.code == 0, ended.err
    assert "/srv/x.zip" in ended.out
    assert desk.bodies() == [
        {"dry_run": True},
        {"dry_run": False, "head": "ab" * 32, "reason": "its time is over", "legal_basis": "Art. 5", "archive": True},
    ]  # fmt: skip


def test_pruning_without_a_person_a_reason_or_a_ground_sends_nothing() -> None:
    desk = Desk({f"POST /api/jobs/{JOB}/prune": ok(SEEN)})
    assert aetheris("prune", JOB, *WHY, desk=desk).code == 2
    assert aetheris("prune", JOB, "--yes", "--reason", "r", desk=desk).code == 2
    assert aetheris("prune", JOB, "--yes", "--basis", "b", desk=desk).code == 2
    assert desk.asked == []
    told = aetheris("prune", JOB, "--dry-run", desk=desk)
    assert (told.code, "12 events" in told.out, "other-job" in told.out) == (0, True, True)
    assert desk.bodies() == [{"dry_run": True}]


def test_a_job_that_is_gone_shows_its_tombstone_and_a_refusal_says_why() -> None:
    desk = Desk({f"POST /api/jobs/{JOB}/prune": ok({**PRUNED, "already": True})})
    ended = aetheris("prune", JOB, *WHY, "--yes", desk=desk)
    assert (ended.code, len(desk.asked)) == (0, 1)
    assert "before" in ended.err
    held = {**SEEN, "refused": {"code": "legal_hold", "message": "job is under legal hold"}}
    desk = Desk(
        {f"POST /api/jobs/{JOB}/prune": [ok(held), problem(409, "legal_hold", "job is under legal hold")]}
    )
    ended = aetheris("prune", JOB, *WHY, "--yes", desk=desk)
    assert ended.code == 4
    assert "legal hold" in ended.err
