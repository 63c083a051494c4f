"""A package of any job is written, and read back, in memory that holds ids but never all bodies."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from forensics import standalone
from forensics.package import export, whole
from tests.forensics.package.packing import our_key
from tests.forensics.package.seeding import PER_CALL, seeded

pytestmark = pytest.mark.usefixtures("here")
MIB = 1 << 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("profile", ["none", "default"])
def test_peak_memory_stays_far_below_what_the_job_holds(
    profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "WHOLE", MIB)  # above, only what the package shows is compared
    calls, size = 2500, 8 * 1024
    job, path = seeded(calls, size), tmp_path / "a.zip"
    told: list[int] = []
    tracemalloc.start()
    try:
        made = export(job, path, profile=profile, tell=lambda events, of: told.append(events))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.events == calls * PER_CALL + 1
    assert told == sorted(told)
    assert told[-1] == made.events
    # The bodies have 21 MiB; ids, digests and the graph of what led to what take some 4 KiB a call.
    assert peak < 15 * MIB, f"{peak / MIB:.0f} MiB at the peak"
    assert standalone.verify(path, standalone.Wishes(keys=(our_key(),))).ok
