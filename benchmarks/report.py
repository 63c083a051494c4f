"""The report of one run: Markdown for people, JSON for programs, one SVG per case."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.charts import bars, figure
from benchmarks.figures import Line, lines, verdict
from benchmarks.sampling import LEVERS

Samples = dict[str, list[dict[str, float]]]
HEAD = """# Benchmarks of one run

Ratios of one run on one machine; absolute figures belong to it alone and promise nothing. The entries of a case took turns,
round by round, each time in a new process and a new database. Figures are medians over the rounds, with the least and the
most. *To the floor* is the figure divided by the floor's; *against the best peer* is above 1 where ours is better.
"""


@dataclass
class Told:
    """What became of the cases that were run."""

    facts: Mapping[str, Any]
    rounds: int
    cases: list[Case] = field(default_factory=list)
    samples: dict[str, Samples] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def lines(self, case: Case) -> list[Line]:
        """What one case says."""
        return lines(case, self.samples.get(case.name, {}))


def write(told: Told, folder: Path) -> list[Path]:
    """Write the report; gives the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"report.md": markdown(told), "report.json": as_json(told)}
    for case in told.cases:
        found = told.lines(case)
        if found:
            files[f"{case.name}.svg"] = bars(case.title, case.unit, found)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in files]


def as_json(told: Told) -> str:
    """Everything, samples too."""
    return json.dumps(
        {
            "machine": dict(told.facts),
            "rounds": told.rounds,
            "cases": [
                {
                    "name": case.name, "title": case.title, "unit": case.unit, "less_is_better": case.less_is_better,
                    "lines": [asdict(line) for line in told.lines(case)], "samples": told.samples.get(case.name, {}),
                }
                for case in told.cases
            ],
            "failures": told.failures,
        },
        indent=1,
    )  # fmt: skip


def markdown(told: Told) -> str:
    """The page."""
    parts = [HEAD, "## The machine\n", _facts(told)]
    for case in told.cases:
        found = told.lines(case)
        parts.append(f'## {case.title}\n\n`make bench ARGS="--case {case.name}"`\n')
        if not found:
            parts.append("No figures.\n")
            continue
        parts.append(f"![{case.title}]({case.name}.svg)\n")
        parts.append(shares(found[0]) if case.shares else table(case, found))
        parts.extend(f"{text}\n" for text in (verdict(case, found), case.note) if text)
    if told.failures:
        parts.append("## What did not answer\n\n" + "\n".join(f"- {each}" for each in told.failures) + "\n")
    return "\n".join(parts)


def _facts(told: Told) -> str:
    rows = ["| Fact | |", "|---|---|", f"| rounds | {told.rounds} |"]
    for name, value in told.facts.items():
        shown = (
            ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else value
        )
        rows.append(f"| {name.replace('_', ' ')} | {shown} |")
    return "\n".join(rows) + "\n"


def shares(line: Line) -> str:
    """The parts of a whole, the largest first; and what would cut the three largest."""
    parts = sorted(line.more.items(), key=lambda each: -each[1])
    rows = ["| Layer | share |", "| --- | --- |", *(f"| {name} | {share:.0%} |" for name, share in parts)]
    levers = [f"{place}. {name}: {LEVERS[name]}" for place, (name, _) in enumerate(_with_levers(parts), 1)]
    text = "\n".join(rows) + "\n\n![Flame graph](flames.svg)\n\nThe next three levers, from these shares:\n\n"
    return text + "\n".join(levers) + "\n"


def _with_levers(parts: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    return [each for each in parts if each[0] in LEVERS][:3]


def table(case: Case, found: Sequence[Line]) -> str:
    """The figures of a case."""
    more = sorted({name for line in found for name in line.more if name not in ("ms", "per_s")})
    names = [
        "Entry",
        case.unit,
        "least to most",
        *more,
        "to the " + case.base if case.base else "",
        "against the best peer",
    ]
    rows = [names, ["---"] * len(names)]
    for line in found:
        rows.append(
            [
                f"**{line.title}**" if line.ours else line.title,
                figure(line.median),
                f"{figure(line.low)} to {figure(line.high)}",
                *(figure(line.more[name]) if name in line.more else "" for name in more),
                f"{line.ratio:.2f}" if line.ratio is not None else "",
                f"{line.against:.2f}" if line.against is not None else "",
            ]
        )
    kept = [index for index in range(len(names)) if any(row[index] for row in rows[2:])]
    return "\n".join("| " + " | ".join(row[index] for index in kept) + " |" for row in rows) + "\n"
