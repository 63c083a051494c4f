"""How a run is told: a table for people, JSON for programs, a Markdown row for the papers.

`python -m tests.fatal.chaos.report FILE…` prints the Markdown table of several runs' JSON files.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ENDS = ("completed", "failed", "cancelled")
MOST_SHOWN = 30
Told = dict[str, Any]


def table(told: Told) -> str:
    """The summary that a run prints."""
    jobs, effects, unknown = told["jobs"], told["effects"], told["unknown"]
    faults = " · ".join(f"{count} {group}" for group, count in told["faults"]["groups"].items())
    knew = " · ".join(f"{unknown.get(who, 0)} by {who}" for who in ("probe", "late outcome", "person"))
    lines = [
        f"seed {told['seed']} · {told['database']} · faults for {told['seconds']:g} s",
        f"  jobs       {jobs['all']} ({jobs['all'] - jobs['children']} submitted, {jobs['children']} children)",
        *_ends(told["ends"]),
        f"  faults     {faults} ({len(told['faults']['missed'])} found their victim down already)",
        f"  effects    {effects['happened']} happened · {effects['twice']} twice · {effects['recalled']} recalled",
        f"  unknown    {unknown['all']} outcomes, resolved {knew}",
        f"  take-overs {told['takeovers']} steps · {told['leases_lost']} leases lost · {told['incarnations']} workers",
        f"  settled    {told['settled_after']:g} s after the last fault",
        f"  audit      {told['events']} events of {jobs['all']} jobs; {told['peeks']} looks in the middle of the run",
        f"  workers    {told['health']['memory_mb_most']:g} MB and {told['health']['threads_most']} threads at most",
    ]
    return "\n".join([*lines, *_verdict(told["violations"])])


def _ends(ends: dict[str, dict[str, int]]) -> list[str]:
    head = f"    {'':<18}" + "".join(f"{end:>11}" for end in ENDS)
    rows = [
        f"    {agent:<18}" + "".join(f"{count.get(end, 0):>11}" for end in ENDS)
        for agent, count in ends.items()
    ]
    return [head, *rows]


def _verdict(violations: Sequence[str]) -> list[str]:
    if not violations:
        return ["  every promise was kept"]
    shown = [f"  VIOLATION: {each}" for each in violations[:MOST_SHOWN]]
    return [*shown, f"  {len(violations)} violations"]


def markdown(runs: Sequence[Told]) -> str:
    """Several runs as a Markdown table."""
    head = ["Seed", "Database", "Seconds", "Jobs", "Completed, failed, cancelled", "Kills, stops, drains", "Outages",
            "Broker faults", "Effects", "Twice", "Unknown: probe, late, person", "Take-overs", "Settled after",
            "Violations"]  # fmt: skip
    rows = [head, ["---"] * len(head), *[_row(told) for told in runs]]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _row(told: Told) -> list[str]:
    ends: Counter[str] = Counter()
    for count in told["ends"].values():
        ends.update(count)
    groups, unknown = told["faults"]["groups"], told["unknown"]
    return [
        str(told["seed"]), told["database"], f"{told['seconds']:g}", str(told["jobs"]["all"]),
        ", ".join(str(ends[end]) for end in ENDS),
        ", ".join(str(groups[group]) for group in ("kills", "stops", "drains")),
        str(groups["outages"]), str(groups["broker"]), str(told["effects"]["happened"]),
        str(told["effects"]["twice"]),
        ", ".join(str(unknown.get(who, 0)) for who in ("probe", "late outcome", "person")),
        str(told["takeovers"]), f"{told['settled_after']:g} s", str(len(told["violations"])),
    ]  # fmt: skip


if __name__ == "__main__":
    print(markdown([json.loads(Path(name).read_text()) for name in sys.argv[1:]]))
