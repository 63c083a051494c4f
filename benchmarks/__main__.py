"""`make bench`: our runtime and its peers do the same work in turns, on servers of their own; writes a report of ratios.

    make bench                                   everything, three rounds
    make bench ARGS="--quick"                    less of everything, one round: whether it works
    make bench ARGS="--case latency --rounds 5"  one case (may be given several times)
    make bench ARGS="--list"                     the cases

What cannot run here is left out and named in the report. Exit code 1 if one of our own entries failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import machine, report
from benchmarks.cases import Case, Entry, all_cases
from benchmarks.stage import ROOT, Failed, Stage
from tests.servers import Postgres, Valkey


def main() -> int:
    """Run what was asked for."""
    asked = _arguments()
    cases = all_cases(asked.quick)
    if asked.list:
        print("\n".join(f"{case.name:20} {case.title}" for case in cases))
        return 0
    unknown = sorted(set(asked.case) - {case.name for case in cases})
    if unknown:
        print(f"there is no case {unknown[0]!r}; --list names them", file=sys.stderr)
        return 2
    chosen = [case for case in cases if not asked.case or case.name in asked.case]
    told = report.Told(machine.facts(asked.peers), asked.rounds or (1 if asked.quick else 3), chosen)
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Postgres() as postgres, Valkey() as valkey:
        stage = Stage(
            postgres, valkey, Path(name), asked.peers, asked.restate, asked.out.resolve(), asked.rabbitmq
        )
        stage.out.mkdir(parents=True, exist_ok=True)
        stage.prepare()
        for case in chosen:
            race(stage, case, told)
            report.write(told, asked.out)
    print(report.as_json(told) if asked.json else report.markdown(told))
    print(f"written to {asked.out}", file=sys.stderr)
    ours = {entry.title for case in chosen for entry in case.entries if entry.is_ours}
    return int(any(title in failure for failure in told.failures for title in ours))


def race(stage: Stage, case: Case, told: report.Told) -> None:
    """One case, round by round; in each round every entry has one turn, and the next round begins with another one."""
    samples = told.samples.setdefault(case.name, {})
    entries = [entry for entry in case.entries if _can_run(stage, entry)]
    left_out = [entry.title for entry in case.entries if entry not in entries]
    if left_out:
        told.failures.append(f"{case.name}: left out, not installed or not given: {', '.join(left_out)}")
    for turn in range(told.rounds):
        shift = turn % max(1, len(entries))
        for entry in entries[shift:] + entries[:shift]:
            began = time.monotonic()
            try:
                figures = stage.run(entry.run, entry.ask)
            except Failed as failed:
                told.failures.append(f"{case.name}, {entry.title}: {failed}")
                _progress(f"{case.name} {turn + 1}/{told.rounds} {entry.title}: FAILED: {failed}")
                continue
            samples.setdefault(entry.title, []).append(figures)
            took = time.monotonic() - began
            _progress(
                f"{case.name} {turn + 1}/{told.rounds} {entry.title}: {_shown(figures)} (in {took:.0f} s)"
            )


def _can_run(stage: Stage, entry: Entry) -> bool:
    if entry.wants_rabbitmq:
        return stage.rabbitmq is not None
    if entry.run == "restate_bench":
        return stage.peers is not None and stage.restate is not None
    return stage.peers is not None or not entry.is_peer


def _shown(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--case", action="append", default=[], metavar="NAME", help="only this case; --list names them"
    )
    parser.add_argument("--rounds", type=int, help="how often each entry has its turn (3; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="less work in each case")
    parser.add_argument("--json", action="store_true", help="print the report as JSON instead of Markdown")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "var" / "bench", help="the report's folder (var/bench)"
    )
    parser.add_argument(
        "--peers", type=Path, help="an interpreter with benchmarks/peers/requirements.txt installed"
    )
    parser.add_argument(
        "--rabbitmq", metavar="URL", help="a RabbitMQ that takes part; its queue `aetheris` is emptied"
    )
    parser.add_argument("--restate", type=Path, help="the program restate-server")
    asked = parser.parse_args()
    if asked.rounds is not None and asked.rounds < 1:
        parser.error("--rounds is 1 or more")
    return asked


if __name__ == "__main__":
    sys.exit(main())
