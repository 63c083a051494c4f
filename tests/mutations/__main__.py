"""`make mutations`: break the runtime in each listed way, in a copy, and see the named test turn red.

    python -m tests.mutations             every breakage
    python -m tests.mutations WORD        those whose name holds the word
    python -m tests.mutations --markdown  the list as docs/mutations.md prints it

Exit code 1 if a breakage survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.mutations.breakages import BREAKAGES, Breakage

ROOT = Path(__file__).parents[2]
RED = 1  # pytest's exit code when a test failed; any other means that it did not run


def main(arguments: Sequence[str]) -> int:
    """Try the breakages, or print their list."""
    if arguments == ["--markdown"]:
        print(markdown(), end="")
        return 0
    chosen = [each for each in BREAKAGES if all(word in each.name for word in arguments)]
    survived = 0
    for each in chosen:
        code, said = tried(each)
        survived += code != RED
        print(
            f"{'caught' if code == RED else 'SURVIVED'}  {each.law:9}  {each.name}\n          by {each.caught_by}",
            flush=True,
        )
        if code != RED:
            print(said[-3000:], flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} breakages were caught")
    return int(survived > 0 or not chosen)


def tried(breakage: Breakage) -> tuple[int, str]:
    """Break a copy of the tree, and run the test in it.

    Returns:
        pytest's exit code, and what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="aetheris-mutation-") as name:
        copy = Path(name)
        for path in _files():
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, copy / path)
        broken = copy / breakage.path
        broken.write_text(broken.read_text().replace(breakage.old, breakage.new, 1))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout", "180", breakage.caught_by]
        clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        done = subprocess.run(command, cwd=copy, env=clean, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def _files() -> list[str]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in told.splitlines() if (ROOT / path).is_file()]


def markdown() -> str:
    """The list as a page of the documentation."""
    head = (
        "# Breakages\n\n"
        "The runtime broken on purpose, one way at a time, and the test that turns red for it. `make mutations` breaks a\n"
        "copy in each of these ways and runs the named test; it fails if one survives. This page is printed by\n"
        "`python -m tests.mutations --markdown`.\n\n| Broken | Law | Where | Caught by |\n|---|---|---|---|\n"
    )
    rows = [f"| {each.name} | {each.law} | `{each.path}` | `{each.caught_by}` |\n" for each in BREAKAGES]
    return head + "".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
