"""`aetheris log …`, `keygen` and `verify ID --checkpoint FILE`: against the API itself, and computed by whoever asks."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from aetheris_site.cli import run
from aetheris_site.cli.session import Session
from forensics import log
from forensics.log.keyring import signing
from forensics.log.leaves import Told
from forensics.models import LogTile
from forensics.notes import read_checkpoint, read_key, sign
from forensics.standalone import vkey_of
from jobs import signal
from jobs.core.commands import Actor
from jobs.models import Job
from jobs.testing import in_this_process, run_until_parked
from tests.faces.api_stage import Caller
from tests.faces.command_line import API, Ended
from tests.forensics.accessing import a_caller, a_tenant
from tests.forensics.log.owning import logged, made_anew, unguarded
from tests.forensics.log.test_rewriting import rewrite
from tests.forensics.package.packing import Stranger
from tests.forensics.verifying import jobs_of

pytestmark = pytest.mark.usefixtures("engine_db")


class Shell:
    """The command line of somebody who pins our key, against the API in this process."""

    def __init__(self, caller: Caller, folder: Path) -> None:
        self.caller, self.folder = caller, folder
        (folder / "log.pub").write_text(str(signing()) + "\n")

    def __call__(self, *args: str) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        session = Session(transport=httpx.MockTransport(self._answer))
        with redirect_stdout(out), redirect_stderr(err):
            code = run(("--api", API, *args), session)
        return Ended(code, out.getvalue(), err.getvalue())

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().removeprefix("/api/")
        told: Any = (
            self.caller.post(path, json.loads(request.content or b"{}"))
            if request.method == "POST"
            else self.caller.get(path)
        )
        return httpx.Response(
            told.status_code, content=told.content, headers={"Content-Type": told.headers["Content-Type"]}
        )

    def keep(self) -> str:
        """Fetch the newest checkpoint into a file."""
        path = self.folder / "kept.txt"
        path.write_text(self("log", "latest").out)
        return str(path)

    @property
    def key(self) -> tuple[str, str]:
        """The option that pins our key."""
        return "--key", str(self.folder / "log.pub")


@pytest.fixture
def tenant() -> str:
    """A tenant of this test's own."""
    return a_tenant()


@pytest.fixture
def shell(tenant: str, tmp_path: Path) -> Shell:
    """Somebody of the tenant."""
    return Shell(a_caller(tenant), tmp_path)


def test_a_kept_checkpoint_holds_while_the_log_grows(shell: Shell, tenant: str) -> None:
    [job] = logged(tenant, 1)
    kept = shell.keep()
    assert read_checkpoint(Path(kept).read_text()).signers([key for key in [signing()] if key])
    assert "the same tree" in shell("log", "check", kept, *shell.key).out
    logged(tenant, 2)
    ended = shell("log", "check", kept, *shell.key)
    assert ended.code == 0, ended.err
    assert "grown" in ended.out
    assert shell("log", "check", kept, *shell.key, "--json").json["ok"] is True
    ended = shell("verify", job, "--checkpoint", kept, *shell.key)
    assert ended.code == 0, ended.err
    assert "under your checkpoint" in ended.out
    later = shell("verify", logged(tenant, 1)[0], "--checkpoint", kept, *shell.key)
    assert "newer than your checkpoint" in later.out


def test_a_log_and_a_history_that_were_made_anew_are_caught_by_the_kept_checkpoint(
    shell: Shell, tenant: str
) -> None:
    [job] = logged(tenant, 1)
    kept = shell.keep()
    logged(tenant, 1)
    leaf = log.last_leaf(job)
    assert leaf is not None
    with unguarded():
        made_anew({leaf.index: Told(job, "", leaf.seq, rewrite(job)).text})
        assert shell("verify", job).code == 0, "the server sees nothing of it"
        assert shell("log", "verify").code == 0
        for command in (("log", "check", kept), ("verify", job, "--checkpoint", kept)):
            ended = shell(*command, *shell.key)
            assert ended.code == 1, ended.out
            assert "rewritten_log" in ended.err
    assert shell("log", "check", kept, *shell.key).code == 0


def test_a_history_that_was_rewritten_alone_is_named(shell: Shell, tenant: str) -> None:
    [job] = logged(tenant, 1)
    kept = shell.keep()
    with unguarded():
        rewrite(job)
        ended = shell("verify", job, "--checkpoint", kept, *shell.key)
        assert ended.code == 1
        assert "rewritten_history" in ended.err


def test_events_behind_the_last_checkpoint_are_said_to_be_not_yet_witnessed(
    shell: Shell, tenant: str
) -> None:
    [job] = logged(tenant, 1)
    kept = shell.keep()
    with in_this_process(seconds=1e7):
        signal(job, "go", {}, actor=Actor(id="a", name="a", tenant=tenant, superuser=True))
        run_until_parked(job)
    behind = Job.objects.get(id=job).head_seq - log.last_leaf(job).seq  # type: ignore[union-attr]
    ended = shell("verify", job, "--checkpoint", kept, *shell.key)
    assert ended.code == 0, ended.err
    assert f"the {behind} behind it are not yet witnessed" in ended.out
    [new] = jobs_of(tenant, 1)
    ended = shell("verify", new, "--checkpoint", kept, *shell.key)
    assert (ended.code, "not_yet_witnessed" in ended.err) == (3, True)


def test_a_checkpoint_of_a_stranger_is_refused_and_a_file_that_is_none_is_a_usage_error(
    shell: Shell, tenant: str
) -> None:
    logged(tenant, 1)
    kept = Path(shell.keep())
    stranger = Stranger()
    (shell.folder / "forged.txt").write_text(sign(read_checkpoint(kept.read_text()).note.text, [stranger]))
    ended = shell("log", "check", str(shell.folder / "forged.txt"), *shell.key)
    assert (ended.code, "wrong_key" in ended.err) == (1, True)
    ended = shell("log", "check", str(kept), "--key", vkey_of(stranger.name, stranger.public))
    assert (ended.code, "wrong_key" in ended.err) == (1, True)
    for name in ("log.pub", "nothing.txt"):
        assert shell("log", "check", str(shell.folder / name), *shell.key).code == 2


def test_lists_and_proofs_are_printed(shell: Shell, tenant: str) -> None:
    [job] = logged(tenant, 1)
    size = log.latest().size  # type: ignore[union-attr]
    assert shell("log", "checkpoints", "--limit", "1", "--json").json[0]["size"] == size
    assert str(size) in shell("log", "checkpoints").out
    assert str(signing()) in shell("log", "keys").out
    assert shell("log", "inclusion", job).json["index"] == log.last_leaf(job).index  # type: ignore[union-attr]
    assert shell("log", "consistency", "1", str(size)).json["to"] == size
    assert shell("log", "latest", "--size", str(size), "--json").json["size"] == size
    assert shell("log", "anchors").code == 0
    assert "yes" in shell("log", "verify").out


def test_a_broken_log_ends_with_1_and_its_place(shell: Shell, tenant: str) -> None:
    logged(tenant, 1)
    with unguarded():
        LogTile.objects.all().delete()
        ended = shell("log", "verify")
        assert (ended.code, "broken_log" in ended.err, "(tile)" in ended.err) == (1, True, True)


def test_keygen_writes_a_private_key_for_its_owner_alone_and_prints_the_public_one(shell: Shell) -> None:
    path = shell.folder / "new.pem"
    ended = shell("keygen", "-o", str(path), "--name", "example.com/log")
    assert ended.code == 0, ended.err
    assert path.stat().st_mode & 0o777 == 0o600
    private: Any = load_pem_private_key(path.read_bytes(), None)
    key = read_key(ended.out)
    assert (key.name, key.public) == ("example.com/log", private.public_key().public_bytes_raw())
    before = path.read_bytes()
    again = shell("keygen", "-o", str(path), "--name", "example.com/log")
    assert (again.code, path.read_bytes()) == (4, before)
    assert shell("keygen", "-o", str(shell.folder / "x.pem"), "--name", "a b").code == 2
    assert not (shell.folder / "x.pem").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("verify", "--all", "--checkpoint", "x"), ("verify", "0197c1a2-0000-7000-8000-000000000001", "--key", "x"),
        ("verify", "0197c1a2-0000-7000-8000-000000000001", "--head", "1:a"), ("log", "consistency", "0"),
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(shell: Shell, args: tuple[str, ...]) -> None:
    assert shell(*args).code == 2
