"""The house keeps its own rules: sizes, no clock where things are decided, and few hands that write rows."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.house import Breach, Module, clocks, nameless, row_writes, swallowed, too_deep, too_long

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
FLOORS: list[str] = PROJECT["tool"]["importlinter"]["root_packages"]

# Who may write rows, by the beginning of the path, each with its reason. Nobody else.
WRITERS = {
    "jobs/store": "the one door by which a job changes",
    "ledger/services": "the book: a promise, and its settlement",
    "ledger/reencrypting": "the same texts under another key: what they say does not change",
    "jobs/scheduler": "knock_at, a delivery hint that no decision reads, and the row that claims the tick",
    "jobs/worker": "its own row: it lives, it offers, it is dead",
    "jobs/registration": "what a worker offers, and the row that it begins with",
    "jobs/limits": "the next free place of a tool's rate: no decision of a job reads it",
    "jobs/notify/endpoints": "webhooks, which people manage: no part of any job",
    "jobs/tokens": "a person's own tokens: no part of any job",
    "jobs/seeding": "whole jobs to measure with: copies of what the store wrote, in a database that holds no other jobs",
    "benchmarks/clones": "copies of a job, in a database of the benchmark's own",
    "ledger/statements": "what the store and the book write, put into words once",
    "forensics/access/writing": "the access log: no part of any job",
    "forensics/search/index": "the index of what events name: derived, and no part of any job",
    "forensics/search/saved": "searches that people keep",
    "forensics/package/batches": "batch exports: which jobs, how far; no part of any job",
    "forensics/inspection/alarms": "records that stand broken: no part of any job",
    "forensics/inspection/runs": "verifications: asked for, cancelled",
    "forensics/inspection/working": "verifications: how far, and what was found",
    "benchmarks/peers/floor_bench": "rows of the floor, in a database of its own",
    "benchmarks/ours/parked": "copies of a parked job, in a database of the benchmark's own",
    "benchmarks/log": "leaf rows to compare with, in a database of the benchmark's own; taken back",
    "forensics/log/writing": "the transparency log: leaves, tiles and checkpoints; no part of any job",
    "forensics/log/heads": "how far events have been looked at for the log",
    "forensics/log/anchors/running": "which checkpoint was handed to which place outside",
    "forensics/log/keyring": "public keys that have signed the log",
    "forensics/forgetting": "names and findings, when the bodies that they came from are erased",
    "forensics/roles": "groups of people, with what they may",
    "jobs/periodic": "beat's entry for the tick",
    "jobs/management/commands/aetheris_dev_users": "the users of the dev profile",
}
# Modules longer than the measure, each with its limit and its reason. Nobody else.
LONG_FOR_A_REASON = {
    "forensics/standalone.py": (2600, "an auditor copies this one file: what it needs must stand in it"),
}
EVERYWHERE = (too_long, too_deep, nameless, swallowed, row_writes)
KEPT_OUT = ("tests", "examples")  # their rows and files are not the engine's


def _modules(*packages: str) -> Iterator[Module]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:  # written by Django
                yield Module(path.relative_to(ROOT).as_posix(), path.read_text())


def _pure(module: Module) -> bool:
    names: list[str] = next(rule for rule in CONTRACTS if rule["id"] == "pure")["source_modules"]
    dotted = module.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return any(dotted == name or dotted.startswith(f"{name}.") for name in names)


@cache
def _found() -> dict[Callable[[Module], Iterator[Breach]], list[Breach]]:
    """What these rules find in all modules, each of which is parsed once."""
    found: dict[Callable[[Module], Iterator[Breach]], list[Breach]] = {rule: [] for rule in EVERYWHERE}
    for module in _modules(*FLOORS):
        for rule, breaches in found.items():
            breaches += rule(module)
    return found


def _print(breaches: Iterable[Breach]) -> str:
    return "\n".join(str(breach) for breach in breaches)


def _excused(breach: Breach) -> bool:
    limit, _why = LONG_FOR_A_REASON.get(breach.path, (0, ""))
    return breach.line == 1 and (ROOT / breach.path).read_text().count("\n") <= limit


@pytest.mark.parametrize("rule", [too_long, too_deep, nameless, swallowed])
def test_every_module_keeps_the_measure(rule: Callable[[Module], Iterator[Breach]]) -> None:
    found = [breach for breach in _found()[rule] if not _excused(breach)]
    assert not found, _print(found)


def test_every_long_module_on_the_list_is_still_long() -> None:
    long = {breach.path for breach in _found()[too_long]}
    assert set(LONG_FOR_A_REASON) <= long, "take it off the list"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "helpers.py", "misc.py", "common.py"}
    assert [module.path for module in _modules(*FLOORS) if Path(module.path).name in drawers] == []


def test_no_pure_module_reads_a_clock_or_throws_a_die() -> None:
    pure = [module for module in _modules(*FLOORS) if _pure(module)]
    assert pure
    assert not (found := _print(breach for module in pure for breach in clocks(module))), found


def test_only_the_store_and_the_few_named_write_rows() -> None:
    rooms = [floor for floor in FLOORS if floor not in KEPT_OUT]
    known = tuple(WRITERS) + tuple(f"{name}/" for name in set(FLOORS) - set(rooms))
    found = _print(breach for breach in _found()[row_writes] if not breach.path.startswith(known))
    assert not found, f"send a command through the store instead:\n{found}"


def test_every_writer_on_the_list_still_writes() -> None:
    writing = {breach.path for breach in _found()[row_writes]}
    idle = [name for name in WRITERS if not any(path.startswith(name) for path in writing)]
    assert idle == [], "take them off the list"


def test_every_package_stands_in_the_import_contracts() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    wings: list[str] = next(rule for rule in CONTRACTS if rule["id"] == "wings")["layers"]
    assert packages == set(FLOORS) == set(wings)


def test_every_app_has_a_stair_that_leaves_no_module_out() -> None:
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}
    stairs = [rule for rule in CONTRACTS if rule["type"] == "layers" and rule.get("exhaustive")]
    assert apps == {name for stair in stairs for name in stair["containers"]}


LONG = "def f():\n" + "    x = 1\n" * 40
DEEP = "def f(a):\n for b in a:\n  if b:\n   with b:\n    if a:\n     return b\n"
BROKEN = [
    (too_long, LONG),
    (too_long, "x = 1\n" * 301),
    (too_deep, DEEP),
    (nameless, "x = 1\n"),
    (swallowed, "try:\n    f()\nexcept ValueError:\n    pass\n"),
    (clocks, "from datetime import datetime, UTC\nx = datetime.now(UTC)\n"),
    (clocks, "import datetime as d\nx = d.datetime.now()\n"),
    (clocks, "from time import monotonic as m\nx = m()\n"),
    (clocks, "import uuid\nx = uuid.uuid4()\n"),
    (row_writes, "Job.objects.create(id=1)\n"),
    (row_writes, "Job.objects.filter(id=1).update(status='done')\n"),
    (row_writes, "job.save(update_fields=['status'])\n"),
    (row_writes, "job.delete()\n"),
    (row_writes, "cursor.execute('UPDATE aetheris_job SET status = %s', [s])\n"),
    (row_writes, "cursor.execute(f'insert into {table} values (1)')\n"),
    (row_writes, "cursor.execute(f'UPDATE {table} SET status = 1')\n"),
]
SOUND = [
    (too_long, LONG.removesuffix("    x = 1\n")),
    (
        too_deep,
        "def f(a):\n if a == 1:\n  b()\n elif a == 2:\n  b()\n elif a == 3:\n  b()\n elif a == 4:\n  b()\n",
    ),
    (nameless, ""),
    (swallowed, "try:\n    f()\nexcept ValueError:\n    return None\n"),
    (clocks, "from datetime import datetime\nx = datetime.fromisoformat(text)\ny = command.now()\n"),
    (row_writes, "counts.update(a=1)\nclient.delete(url)\nnode.create()\n"),
    (row_writes, '"""It never runs DELETE FROM anything."""\n'),
]


@pytest.mark.parametrize(("rule", "text"), BROKEN)
def test_each_rule_sees_its_breach(rule: Callable[[Module], Iterator[Breach]], text: str) -> None:
    assert [str(breach) for breach in rule(Module("jobs/x.py", text))]


@pytest.mark.parametrize(("rule", "text"), SOUND)
def test_no_rule_sees_a_breach_where_none_is(rule: Callable[[Module], Iterator[Breach]], text: str) -> None:
    assert not [str(breach) for breach in rule(Module("jobs/x.py", text))]
