"""`python -m benchmarks.proof`: how fast evidence packages are written and verified, how large they are, in how much memory.

Jobs run, or beyond `RUN` events are seeded, in a database of its own (SQLite, in a folder that is removed). Rates are of
this run on this machine: compare them with each other, not with another day's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

RUN = 20_000  # events up to which a job is really run


@dataclass(frozen=True)
class Figures:
    """What one job has cost.

    Args:
        events: how many it has.
        body: bytes of each result.
        profile: of redaction.
        export: seconds, the verification before the package is given out included.
        verify: seconds of the stand-alone program, its start included.
        size: bytes of the package.
        inside: bytes of its files.
        peak: bytes of memory at the peak of this process so far.
    """

    events: int
    body: int
    profile: str
    export: float
    verify: float
    size: int
    inside: int
    peak: int


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--events", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="events of the jobs"
    )
    parser.add_argument("--body", type=int, default=512, help="bytes of each call's result")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aetheris-proof-") as name:
        folder = Path(name)
        _ready(folder)
        _print(
            [
                _measured(folder, events, given.body, profile)
                for events in given.events
                for profile in ("none", "default")
            ]
        )


def _ready(folder: Path) -> None:
    for variable in [each for each in os.environ if each.startswith("AETHERIS_")]:
        del os.environ[variable]
    os.environ |= {"DJANGO_SETTINGS_MODULE": "aetheris_site.settings", "AETHERIS_VAR": str(folder / "var")}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def _measured(folder: Path, events: int, body: int, profile: str) -> Figures:
    import zipfile

    from forensics import standalone
    from forensics.package import export
    from jobs import keys
    from tests.forensics.package.seeding import PER_CALL, seeded

    job = _run(events, body) if events <= RUN else seeded(events // PER_CALL, body)
    path = folder / "package.zip"
    start = time.perf_counter()
    made = export(job, path, profile=profile)
    exported = time.perf_counter() - start
    pin = standalone.vkey_of(keys.signer().name, keys.signer().public)
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-I", standalone.__file__, str(path), "--key", pin],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    verified = time.perf_counter() - start
    with zipfile.ZipFile(path) as package:
        inside = sum(info.file_size for info in package.infolist() if info.filename != "verify.py")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Figures(made.events, body, profile, exported, verified, path.stat().st_size, inside, peak)


def _run(events: int, body: int) -> str:
    """A job that has called a tool for each of many texts."""
    from jobs import TaskGraph
    from jobs.testing import in_this_process
    from tests.agents.tools import put
    from tests.engine.driving import a_word, ran

    graph = TaskGraph()
    texts = [(a_word() + " of a text that is as long as it is") * 100 for _ in range(max(1, events // 6))]
    words = [{"w": text[:body]} for text in texts]
    graph.output(graph.map("each", put, over=words, each={"word": graph.item["w"]}))
    with in_this_process(seconds=1e7):
        return ran(graph).job


def _print(found: list[Figures]) -> None:
    print(
        "| events | profile | export, events/s | verify, events/s | verify ÷ export | package, bytes/event | uncompressed | peak, MiB |"
    )
    print("|---:|---|---:|---:|---:|---:|---:|---:|")
    for each in found:
        print(
            f"| {each.events:,} | {each.profile} | {each.events / each.export:,.0f} | {each.events / each.verify:,.0f} "
            f"| {each.verify / each.export:.2f} | {each.size / each.events:,.0f} | {each.inside / each.events:,.0f} "
            f"| {each.peak / (1 << 20):,.0f} |"
        )


if __name__ == "__main__":
    main()
