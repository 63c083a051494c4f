"""`aetheris export` and `aetheris verify FILE`: written in one go, verified without a server, strangers refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from forensics import standalone
from forensics.package import export
from jobs import keys
from tests.faces import admin_stage as stage
from tests.faces.command_line import Desk, aetheris, job, problem
from tests.forensics.package.packing import Copy, Stranger

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

JOB = job()["id"]
CONTENT = b"PK a package" * 1000


def _desk(answer: httpx.Response) -> Desk:
    return Desk({f"GET /api/jobs/{JOB}/export": answer})


def _given(content: bytes = CONTENT, digest: str = "") -> httpx.Response:
    head = {"X-Aetheris-Head": "7:" + "ab" * 32, "X-Aetheris-SHA256": digest or standalone.sha256(content)}
    return httpx.Response(200, content=content, headers=head)


def test_an_export_is_written_in_one_go_and_says_what_it_is(tmp_path: Path) -> None:
    desk, path = _desk(_given()), tmp_path / "a.zip"
    ended = aetheris("export", JOB, "-o", str(path), "--profile", "default", desk=desk)
    assert ended.code == 0, ended.err
    assert str(desk.asked[0].url.query, "ascii") == "profile=default"
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o077 == 0
    for told in ("7:" + "ab" * 32, str(len(CONTENT)), standalone.sha256(CONTENT)):
        assert told in ended.out
    assert f"aetheris verify {path}" in ended.err
    assert aetheris("export", JOB, "-o", str(path), "--force", "--json", desk=desk).json["size"] == len(
        CONTENT
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text("mine")
    ended = aetheris("export", JOB, "-o", str(path), desk=_desk(_given()))
    assert (ended.code, path.read_text()) == (4, "mine")
    assert "--force" in ended.err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (problem(409, "broken_record", "its record is broken at event 5"), 4),
        (problem(404, "not_found", "no such job"), 3),
        (_given(digest="0" * 64), 1),
    ],
)
def test_what_fails_leaves_no_file(answer: httpx.Response, code: int, tmp_path: Path) -> None:
    ended = aetheris("export", JOB, "-o", str(tmp_path / "a.zip"), desk=_desk(answer))
    assert ended.code == code
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def package(engine_db: str, tmp_path: Path) -> Path:
    """A package of a real job."""
    path = tmp_path / "a.zip"
    export(stage.job(stage.waiting("go")), path)
    return path


def _pem(key: Ed25519PrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization as s

    return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())


def _home(monkeypatch: pytest.MonkeyPatch, folder: Path, *pems: bytes) -> None:
    """A checkout with these keys is where the command is called."""
    for name in ("AETHERIS_HOME", "AETHERIS_VAR"):
        monkeypatch.delenv(name, raising=False)
    place = folder / "checkout" / "var" / "keys"
    place.mkdir(parents=True)
    for number, pem in enumerate(pems):
        (place / f"{number}.pem").write_bytes(pem)
    monkeypatch.chdir(folder / "checkout")


def _signing_key() -> bytes:
    from django.conf import settings

    where = str(settings.AETHERIS["SIGNING_KEY"])
    return Path(where.partition(":")[2]).read_bytes()


def test_a_file_is_verified_with_a_key_that_is_given(package: Path) -> None:
    mine = standalone.vkey_of("aetheris.local/log", keys.signer().public)
    ended = aetheris("verify", str(package), "--key", mine)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[-1] == "OK"
    stranger = Stranger()
    ended = aetheris("verify", str(package), "--key", standalone.vkey_of(stranger.name, stranger.public))
    assert ended.code == 1
    assert "[wrong_key]" in ended.err


def test_without_a_key_and_without_a_checkout_it_says_that_the_signer_is_not_pinned(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _home(monkeypatch, tmp_path)
    ended = aetheris("verify", str(package))
    assert ended.code == 0, ended.err
    assert "the signer is not pinned" in ended.out


def test_in_a_checkout_its_own_keys_are_the_pins_and_a_stranger_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _home(monkeypatch, tmp_path, _pem(Ed25519PrivateKey.generate()), _signing_key())
    ended = aetheris("verify", str(package), "--json")
    assert (ended.code, ended.json["ok"]) == (0, True), ended.err
    assert "not pinned" not in ended.out
    package.write_bytes(Copy(package).resealed(Stranger()))
    ended = aetheris("verify", str(package))
    assert ended.code == 1
    assert "[wrong_key]" in ended.err


def test_encrypted_fields_are_printed_with_their_key_alone(
    engine_db: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from django.conf import settings

    profiles = {"sealed": {"rules": [{"path": "goal", "how": "encrypt", "on": "job_created"}]}}
    monkeypatch.setattr(settings, "AETHERIS", {**settings.AETHERIS, "REDACTION": {"PROFILES": profiles}})
    path, key, other = (tmp_path / name for name in ("a.zip", "right", "wrong"))
    export(stage.job(stage.waiting("go")), path, profile="sealed", encrypt_key=b"k" * 32)
    key.write_text((b"k" * 32).hex())
    other.write_text("00" * 32)
    ended = aetheris("verify", str(path), "--open", str(key))
    assert ended.code == 0, ended.err
    assert "event 1 /goal = {" in ended.out
    assert aetheris("verify", str(path), "--open", str(key), "--json").json["opened"][0]["path"] == "/goal"
    assert aetheris("verify", str(path), "--open", str(other)).code == 2
    assert "opened" not in aetheris("verify", str(path), "--json").json


def test_what_cannot_be_read_is_a_usage_error(package: Path) -> None:
    assert aetheris("verify", str(package), "--key", "nonsense").code == 2
    assert aetheris("verify", str(package), "--checkpoint", "/nowhere").code == 2
