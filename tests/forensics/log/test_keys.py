"""Keys: from a file, the environment, or a KMS-shaped factory; what is refused; and rotation, after which all still verifies."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from aetheris_site.profile import new_signing_key
from forensics import log, standalone
from forensics.log import keyring
from forensics.log.shapes import keys_json
from forensics.models import Checkpoint, LogKey
from forensics.notes import Key, read_checkpoint
from forensics.package import export
from jobs import keys
from jobs.keys import NoSigningKey
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import logged

pytestmark = pytest.mark.usefixtures("here")
ORIGIN = "aetheris.local/log"


@pytest.fixture(autouse=True)
def fresh() -> Any:
    """No key is remembered from another test."""
    keys._signer.cache_clear()
    yield
    keys._signer.cache_clear()


def a_file(folder: Path, name: str = "key.pem", mode: int = 0o600) -> tuple[Path, bytes]:
    private, public = new_signing_key()
    path = folder / name
    path.write_bytes(private)
    path.chmod(mode)
    return path, public


def use(settings: Any, where: str, **more: Any) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "SIGNING_KEY": where, **more}


def test_a_key_from_a_file_and_from_the_environment_signs(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, public = a_file(tmp_path)
    use(settings, f"file:{path}")
    assert (keys.signer().name, keys.signer().public) == (ORIGIN, public)
    monkeypatch.setenv("A_KEY_OF_THE_TEST", path.read_text())
    use(settings, "env:A_KEY_OF_THE_TEST")
    assert keys.signer().public == public
    assert standalone.signed_by(public, b"x", keys.signer().sign(b"x"))


class Kms:
    """Holds a key that this process never sees, so to say."""

    name = ORIGIN

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A signature."""
        return self._key.sign(message)


def kms() -> Kms:
    """The KMS."""
    return Kms()


def another() -> Kms:
    """One that signs under another name."""
    made = Kms()
    made.name = "elsewhere.org/log"
    return made


def nothing() -> str:
    """No signer at all."""
    return "nothing"


def test_a_kms_shaped_factory_signs_the_log_and_packages(settings: Any, tmp_path: Path) -> None:
    use(settings, f"{__name__}:kms")
    [job] = logged(a_tenant(), 1)
    latest = log.latest()
    assert latest is not None
    assert read_checkpoint(latest.text).signers([Key(ORIGIN, Kms().public)])
    export(job, tmp_path / "a.zip")
    assert standalone.verify(tmp_path / "a.zip", standalone.Wishes(keys=(Kms().public,))).ok


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("", "aetheris keygen"), ("file:/no/such/key.pem", "cannot be read"), ("env:NO_SUCH_VARIABLE", "no PEM private key"),
        (f"{__name__}:nothing", "returns no signer"), (f"{__name__}:another", "elsewhere.org/log"),
        (f"{__name__}:missing", "cannot be had"), ("no.such.module:x", "cannot be had"), ("nonsense", "cannot be had"),
    ],
)  # fmt: skip
def test_what_is_no_key_signs_nothing_and_says_why(settings: Any, where: str, why: str) -> None:
    use(settings, where)
    with pytest.raises(NoSigningKey, match=why):
        keys.signer()
    [warning] = keyring.checked()
    assert (warning.id, why in warning.msg) == ("aetheris.W001", True)


def test_another_kind_of_key_is_refused(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    path.write_bytes(
        generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    path.chmod(0o600)
    use(settings, f"file:{path}")
    with pytest.raises(NoSigningKey, match="no Ed25519 key"):
        keys.signer()


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o660, 0o606, 0o777, 0o601])
def test_a_key_that_others_may_read_or_write_signs_nothing(settings: Any, tmp_path: Path, mode: int) -> None:
    path, _ = a_file(tmp_path, mode=mode)
    use(settings, f"file:{path}")
    with pytest.raises(NoSigningKey, match=f"{mode:o}.*chmod 600"):
        keys.signer()


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o400, False), (0o640, True), (0o440, True)])
def test_a_key_that_only_a_group_may_read_signs_with_a_warning(
    settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    path, public = a_file(tmp_path, mode=mode)
    use(settings, f"file:{path}")
    with caplog.at_level(logging.WARNING, "aetheris.keys"):
        assert keys.signer().public == public
    assert ("can be read by its group" in caplog.text) is warned


def test_a_name_that_no_log_may_have_signs_no_checkpoint(settings: Any) -> None:
    use(settings, settings.AETHERIS["SIGNING_KEY"], LOG_ORIGIN="my log")
    with pytest.raises(NoSigningKey, match="LOG_ORIGIN"):
        keyring.signer()


def test_after_a_rotation_old_checkpoints_and_packages_still_verify(settings: Any, tmp_path: Path) -> None:
    before = keyring.signing()
    assert before is not None
    [job] = logged(a_tenant(), 1)
    kept = log.latest()
    assert kept is not None
    export(job, tmp_path / "old.zip")
    path, public = a_file(tmp_path)
    use(settings, f"file:{path}")
    logged(a_tenant(), 1)
    latest = log.latest()
    assert latest is not None
    assert latest.key != kept.key
    assert log.verify_log().broken is None, "the database remembers the retired key"
    export(job, tmp_path / "new.zip")
    report = standalone.verify(tmp_path / "new.zip", standalone.Wishes(keys=(before.public, public)))
    assert report.ok, report.problem
    old = standalone.verify(tmp_path / "old.zip", standalone.Wishes(keys=(before.public,)))
    assert old.ok, old.problem
    told = {each["key"]: each for each in keys_json()["keys"]}
    assert keys_json()["signing"] == str(Key(ORIGIN, public))
    assert told[str(before)]["retired_at"] is not None
    assert told[str(Key(ORIGIN, public))]["retired_at"] is None
    settings.AETHERIS = {**settings.AETHERIS, "LOG_KEYS": [str(Key(ORIGIN, Kms().public))]}
    broken = log.verify_log().broken
    assert broken is not None
    assert (broken.kind, "LOG_KEYS" in broken.message) == ("unknown_key", True)
    settings.AETHERIS = {**settings.AETHERIS, "LOG_KEYS": [*{*LogKey.objects.values_list("vkey", flat=True)}]}
    assert log.verify_log().broken is None


def test_no_private_key_is_in_the_database() -> None:
    logged(a_tenant(), 1)
    secret = Path(os.fspath(_key_path())).read_text().splitlines()[1]
    stored = [
        *LogKey.objects.values_list("vkey", flat=True),
        *Checkpoint.objects.values_list("text", flat=True),
    ]
    assert not any(secret in each for each in stored)


def _key_path() -> str:
    from django.conf import settings

    return str(settings.AETHERIS["SIGNING_KEY"]).removeprefix("file:")
