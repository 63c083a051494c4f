"""The last page of the demo: the job's evidence package, verified by the stand-alone program in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from forensics import standalone

from .failures import StackError
from .trust import keys_in
from .witness import Person

_PATIENCE = 60


def fetched(operator: Person, job: str, folder: Path) -> Path:
    """The package of a job, exported over HTTP and written to the folder. Raises StackError."""
    path = folder / f"aetheris-{job}.zip"
    path.write_bytes(operator.fetch(f"/api/jobs/{job}/export"))
    return path


def verdict(package: Path, var: Path) -> tuple[bool, list[str]]:
    """What a lone copy of the verifier says of it, with the public key of the stack pinned.

    Args:
        package: the file.
        var: the state of the stack, with its signing key.

    Returns:
        Whether it verifies, and what the program printed.
    """
    keys = keys_in(var / "keys")
    if not keys:
        raise StackError(f"There is no signing key in {var}/keys, so nobody can say who signed the package.")
    program = package.with_name("verify.py")
    program.write_bytes(Path(standalone.__file__).read_bytes())
    pins = [part for key in keys for part in ("--key", standalone.vkey_of("demo", key))]
    command = [sys.executable, "-I", str(program), str(package), *pins]
    said = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    return said.returncode == 0, said.stdout.splitlines() + said.stderr.splitlines()
