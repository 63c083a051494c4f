"""The cipher and its keys: the standard's vectors, rotation, and what a stranger to the key can do."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import encryption
from ledger.encryption import Key, Unreadable, hide, shown

PLACE = "aetheris_jobs_event.body"


def given_key() -> bytes:
    return b"k" * 32


def given_nothing() -> None:
    return None


def breaks() -> bytes:
    raise RuntimeError("no answer for c2VjcmV0LWtleQ==")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Configure keys by name; the last one is current."""

    def put(*names: str, current: str | None = None) -> None:
        for name in names:
            monkeypatch.setenv(
                f"AETHERIS_TEST_{name}", base64.b64encode(name.encode().ljust(32, b".")).decode()
            )
        encryption.configure(
            {"current": names[-1] if current is None else current,
             "keys": {name: f"env:AETHERIS_TEST_{name}" for name in names}}
        )  # fmt: skip

    yield put
    encryption.configure({})


@pytest.mark.parametrize(
    ("byte", "context", "told"),
    [(1, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
     (3, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d")],
)  # fmt: skip
def test_the_vectors_of_the_specification(byte: int, context: bytes, told: str) -> None:
    """C2SP XAES-256-GCM, test vectors: one for each value of the highest bit of the doubled block."""
    key, nonce = Key.of("v", bytes([byte]) * 32), b"ABCDEFGHIJKLMNOPQRSTUVWX"
    assert key.encrypt(nonce, b"XAES-256-GCM", context).hex() == told
    assert key.decrypt(nonce, bytes.fromhex(told), context) == b"XAES-256-GCM"


def test_without_keys_a_text_is_stored_as_it_is() -> None:
    assert hide('{"a":1}', PLACE) == '{"a":1}' == shown('{"a":1}', PLACE)
    assert not encryption.configured()


@given(text=st.text())
def test_what_is_hidden_is_shown_again(text: str) -> None:
    encryption.configure({"current": "k", "keys": {"k": "tests.ledger.test_encryption:given_key"}})
    try:
        stored = hide(text, PLACE)
        assert shown(stored, PLACE) == text
        assert stored == text == "" or (encryption.encrypted(stored) and stored != hide(text, PLACE))
    finally:
        encryption.configure({})


def test_keys_rotate_and_old_texts_stay_legible_while_their_key_is_named(keys: Any) -> None:
    keys("a")
    old = hide("said", PLACE)
    keys("a", "b")
    assert (shown(old, PLACE), hide("said", PLACE)[:7]) == ("said", "enc1.b.")
    keys("b")
    with pytest.raises(Unreadable, match="encrypted under the key 'a', which is not configured"):
        shown(old, PLACE)
    keys("a", current="")
    assert (shown(old, PLACE), hide("said", PLACE)) == ("said", "said")


def test_a_text_that_was_changed_or_moved_stays_what_is_stored(keys: Any) -> None:
    keys("a", "b")
    stored = hide('{"x":1}', PLACE)
    assert shown(stored, "aetheris_jobs_job.goal") == stored, "of another column"
    assert shown(stored.replace("enc1.b.", "enc1.a."), PLACE).startswith("enc1.a."), "of another key"
    for at in range(len("enc1.b."), len(stored)):
        other = stored[:at] + ("A" if stored[at] != "A" else "B") + stored[at + 1 :]
        assert shown(other, PLACE) in (other, '{"x":1}')  # the last character has bits that say nothing
        assert at > len(stored) - 2 or shown(other, PLACE) == other
    for odd in (stored[:-1], stored + ".", stored + '."$blobs"', "enc1.", "enc1.b.", "enc1.b.é", "enc1.ü.AA"):
        assert shown(odd, PLACE) == odd


def test_a_body_that_names_parts_says_so_and_nothing_more(keys: Any) -> None:
    keys("a")
    stored = hide('{"$blobs":["x"],"x":{"sha256":"…"}}', PLACE)
    assert stored.endswith('."$blobs"')
    assert "sha256" not in stored
    assert shown(stored, PLACE).startswith('{"$blobs"')
    assert shown(stored.removesuffix('."$blobs"'), PLACE).startswith("enc1.")


def test_keys_from_a_file_the_environment_and_a_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = os.urandom(32)
    (tmp_path / "key").write_text(base64.b64encode(secret).decode() + "\n")
    monkeypatch.setenv("AETHERIS_TEST_KEY", base64.b64encode(secret).decode())
    texts = []
    for where in (f"file:{tmp_path / 'key'}", "env:AETHERIS_TEST_KEY"):
        encryption.configure({"current": "one", "keys": {"one": where}})
        texts.append(hide("said", PLACE))
        assert [shown(each, PLACE) for each in texts] == ["said"] * len(texts)
    encryption.configure({})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"key": {}}, "unknown option 'key'"),
        ({"current": "a"}, "`current` names 'a', which is not among the keys"),
        ({"keys": []}, "write"),
        ({"keys": {"a b": "env:X"}}, "its name is"),
        ({"keys": {"a": "X"}}, "write env:NAME"),
        ({"keys": {"a": "env:AETHERIS_TEST_NO_SUCH"}}, "cannot be read from env: it is empty"),
        ({"keys": {"a": "file:/no/such"}}, "cannot be read from file: FileNotFoundError"),
        ({"keys": {"a": "tests.ledger.test_encryption:breaks"}}, "cannot be read from .*: RuntimeError$"),
        ({"keys": {"a": "tests.ledger.test_encryption:given_nothing"}}, "it is empty"),
        ({"keys": {"a": "env:AETHERIS_TEST_SHORT"}}, "it has 5 bytes, and needs 32"),
        ({"keys": {"a": "env:AETHERIS_TEST_ODD"}}, "it is no base64"),
    ],
)
def test_settings_that_cannot_be_meant(settings: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERIS_TEST_SHORT", base64.b64encode(b"short").decode())
    monkeypatch.setenv("AETHERIS_TEST_ODD", "not base64!")
    with pytest.raises(ValueError, match=told) as refused:
        encryption.configure(settings)
    assert "c2VjcmV0" not in str(refused.value)
    assert "not base64!" not in str(refused.value)
    assert not encryption.configured()
