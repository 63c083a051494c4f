"""`aetheris webhooks …`: what is asked of the API, and how the answers read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faces.command_line import Desk, aetheris, ok, page, problem

ID = "0190f0c4-6d0a-7c3e-8b1a-000000000001"
AT = "2026-11-22T17:18:56.123456Z"
HOOK: dict[str, Any] = {
    "id": ID, "url": "https://hooks.example.com/x", "name": "chat", "events": [], "enabled": True, "disabled_why": "",
    "secrets": 1, "created_at": AT, "created_by": "ann", "changed_at": AT,
}  # fmt: skip
SENT: dict[str, Any] = {
    "id": ID, "job": ID, "event": "approval.asked", "approval": ID, "state": "landed", "attempts": 2, "promised_at": AT,
    "settled_at": AT, "result": {}, "error": None,
}  # fmt: skip
PATH = f"/api/webhooks/{ID}"


def test_a_new_secret_stands_alone_on_the_output() -> None:
    desk = Desk({"POST /api/webhooks": ok({**HOOK, "secret": "whsec_abc"}, 201)})
    ended = aetheris(
        "webhooks", "add", HOOK["url"], "--event", "approval.asked", "--secret", "secret:hook", desk=desk
    )
    assert (ended.code, ended.out) == (0, "whsec_abc\n")
    assert desk.bodies() == [{"url": HOOK["url"], "name": "", "events": ["approval.asked"], "asymmetric": False,
                              "secret": "secret:hook"}]  # fmt: skip
    desk = Desk({f"POST {PATH}/rotate": ok({**HOOK, "secret": "whsec_new"})})
    assert aetheris("webhooks", "rotate", ID, "--overlap", "1h", desk=desk).out == "whsec_new\n"
    assert desk.bodies() == [{"overlap": 3600.0}]


def test_they_are_listed_with_what_was_sent() -> None:
    desk = Desk(
        {"GET /api/webhooks": page(HOOK, {**HOOK, "enabled": False, "disabled_why": "it answered 410 Gone"})}
    )
    told = aetheris("webhooks", "list", desk=desk).out
    assert "chat" in told
    assert "off: it answered 410 Gone" in told
    told = aetheris("webhooks", "deliveries", ID, desk=Desk({f"GET {PATH}/deliveries": page(SENT)})).out
    assert "approval.asked" in told
    assert "landed" in told


@pytest.mark.parametrize(("word", "on"), [("disable", False), ("enable", True)])
def test_one_is_switched(word: str, on: bool) -> None:
    desk = Desk({f"PATCH {PATH}": ok({**HOOK, "enabled": on})})
    assert aetheris("webhooks", word, ID, desk=desk).code == 0
    assert desk.bodies("PATCH") == [{"enabled": on}]


def test_one_is_tested_and_removed() -> None:
    assert ID in aetheris("webhooks", "test", ID, desk=Desk({f"POST {PATH}/test": ok({"job": ID}, 202)})).out
    assert aetheris("webhooks", "remove", ID, desk=Desk({f"DELETE {PATH}": ok({})})).code == 0
    missing = Desk({f"DELETE {PATH}": problem(404, "not_found", "there is no webhook")})
    assert aetheris("webhooks", "remove", ID, desk=missing).code == 3
