"""The two local users: what they may do, and that making them again changes nothing."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command

from jobs import tokens
from jobs.actors import actor_of
from jobs.models import Token

pytestmark = pytest.mark.usefixtures("engine_db")
COMMAND = "aetheris_dev_users"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the command writes."""
    return tmp_path / "var" / "local.json"


def _make(path: Path, *, api: str = "http://127.0.0.1:1") -> Any:
    call_command(COMMAND, api=api, file=path)
    return json.loads(path.read_text())


def _user(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def test_the_operator_submits_and_steers_and_the_approver_decides_and_resolves(path: Path) -> None:
    _make(path)
    operator, approver = actor_of(_user("operator")), actor_of(_user("approver"))
    assert set(operator.may) == {"submit", "signal", "control", "see_webhooks"}
    assert set(approver.may) == {"resolve", "signal", "see_webhooks"}
    assert not operator.groups
    assert list(approver.groups) == ["finance"]


def test_both_may_look_around_in_the_admin_and_change_nothing_there(path: Path) -> None:
    _make(path)
    for name in ("operator", "approver"):
        assert _user(name).is_staff
        assert _user(name).has_perm("aetheris_jobs.view_job")
        assert _user(name).has_perm("aetheris_ledger.view_invocation")
        assert _user(name).has_perm("aetheris_forensics.view_forensics")
        assert not _user(name).has_perm("aetheris_jobs.change_job")
        assert not _user(name).is_superuser


def test_the_file_opens_every_door_and_only_its_owner_reads_it(path: Path) -> None:
    data = _make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in ("operator", "approver"):
        assert authenticate(username=name, password=data["users"][name]["password"]) == _user(name)
        token = tokens.verify(data["tokens"][name])
        assert token is not None
        assert token.user == _user(name)


def test_making_them_again_changes_only_the_address(path: Path) -> None:
    first = _make(path)
    count = Token.objects.count()
    second = _make(path, api="http://127.0.0.1:2")
    assert second == {**first, "api": "http://127.0.0.1:2"}
    assert Token.objects.count() == count


def test_a_revoked_token_and_a_changed_password_are_replaced(path: Path) -> None:
    first = _make(path)
    token = tokens.verify(first["tokens"]["operator"])
    assert token is not None
    tokens.revoke(_user("operator"), token.pk)
    approver = _user("approver")
    approver.set_password("another one")
    approver.save()
    second = _make(path)
    assert second["tokens"]["operator"] != first["tokens"]["operator"]
    assert second["tokens"]["approver"] == first["tokens"]["approver"]
    assert second["users"]["approver"] != first["users"]["approver"]
    assert authenticate(username="approver", password=second["users"]["approver"]["password"])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"users": {"operator": 1}, "tokens": {}}'])
def test_a_spoiled_file_is_written_anew(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o644)
    assert set(_make(path)["tokens"]) == {"operator", "approver"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_outside_the_dev_profile_nobody_is_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "PROFILE", "prod")
    with pytest.raises(CommandError, match="createsuperuser"):
        _make(path)
    assert not path.exists()
