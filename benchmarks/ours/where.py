"""Where the time of one step goes: a job in this very process, looked at a thousand times a second."""

from __future__ import annotations

import json
import os
from pathlib import Path

from benchmarks.ours import floor
from benchmarks.ours.floor import ASK
from benchmarks.sampling import flame, sampled


def main() -> None:
    """Run a chain of calls that must not be made twice; answer with the share of each layer, and draw the flames."""
    floor.ready()
    from jobs.testing import in_this_process, run_until_parked

    with in_this_process(seconds=1e7):
        run_until_parked(floor.submitted("bench-chain", {"kind": "act", "steps": 20}))
        job = floor.submitted("bench-chain", {"kind": "act", "steps": ASK["steps"]})
        with sampled() as samples:
            run_until_parked(job)
    seconds = floor.spent([job])
    if target := os.environ.get("BENCH_FLAMES"):
        title = f"{ASK['steps']} at-most-once steps of one job: {samples.total} looks"
        Path(target).write_text(flame(samples, title), "utf-8")
    print(json.dumps({"ms": seconds / ASK["steps"] * 1000, **samples.layers()}))


if __name__ == "__main__":
    main()
