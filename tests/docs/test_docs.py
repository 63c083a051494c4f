"""What the papers say is so: links lead somewhere, code runs, named tests exist, settings are those that are read."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, blocks, links, papers

_TEST = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")
_VARIABLE = re.compile(r"AETHERIS_[A-Z][A-Z_]*[A-Z]")
CODE = ("aetheris_site", "jobs", "ledger", "forensics", "examples", "tests/required.py", "tests/servers.py")
PYTHON = ["README.md", "docs/step-contract.md", "docs/approvals.md", "docs/models.md", "docs/testing.md"]
PYTHON += [
    "docs/adapters/custom-agent.md",
    "docs/getting-started-agents.md",
    "docs/transactional-tools.md",
    "docs/confirmation.md",
    "docs/compensation.md",
    "docs/agents.md",
    "docs/notifications.md",
    "docs/secrets.md",
    "docs/encryption.md",
]


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", papers(), ids=relative)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize("page", papers(), ids=relative)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    missing = []
    for file, name in _TEST.findall(page.read_text("utf-8")):
        path = ROOT / file
        if not path.exists() or (name and name not in names_in(path)):
            missing.append(f"{file}::{name}")
    assert missing == []


@pytest.mark.parametrize("name", PYTHON)
def test_the_python_of_a_page_runs(name: str, tmp_path: Path) -> None:
    """In order, as one module of a process of its own; only what is shown as wrong is left out."""
    parts = [
        block.text
        for block in blocks(ROOT / name)
        if block.language == "python" and "only" not in block.remarks
    ]
    assert parts
    module = tmp_path / "page.py"
    module.write_text("from __future__ import annotations\n" + "\n".join(parts))
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(module)], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_no_page_shows_python_that_nobody_runs() -> None:
    showing = {
        relative(page) for page in papers() if any(block.language == "python" for block in blocks(page))
    }
    assert showing == set(PYTHON)


def test_the_agents_of_the_papers_are_good_plans() -> None:
    script = (
        "from jobs.agents import all_agents\nfrom jobs.core.plan import Plan\nfrom ledger import all_tools\n"
        "goal = {'order_id': 'A-1001', 'customer': 'c-1', 'number': '7'}\n"
        "made = [each.fn(goal) for each in all_agents() if each.form == 'planner']\n"
        "plans = [Plan.load(each.to_json(), tools=set(all_tools()), workflows={'polite'}) for each in made]\n"
        "assert plans\n"
    )
    for name in ("README.md", "docs/approvals.md", "docs/adapters/custom-agent.md"):
        text = "\n".join(block.text for block in blocks(ROOT / name) if block.language == "python")
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", f"{text}\n{script}"], env=env, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{name}: {done.stderr}"


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 150


def sources() -> Iterator[Path]:
    for part in CODE:
        path = ROOT / part
        yield from [path] if path.is_file() else path.rglob("*.py")


def variables_read() -> set[str]:
    """The variables whose names stand in the code as text of their own."""
    found = set(_VARIABLE.findall((ROOT / "Makefile").read_text("utf-8")))
    for file in sources():
        texts = [
            node.value
            for node in ast.walk(ast.parse(file.read_text("utf-8")))
            if isinstance(node, ast.Constant)
        ]
        found.update(name for text in texts if isinstance(text, str) for name in _VARIABLE.findall(text))
    return found


def test_the_configuration_page_names_what_the_code_reads() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    named = set(re.findall(r"`(AETHERIS_[A-Z_]+)`", page))
    assert named == variables_read()


def test_the_configuration_page_names_every_key_with_its_default() -> None:
    from jobs.conf import Conf

    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    keys = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)) - {"PORT"}
    assert {key for key in keys if not key.startswith("AETHERIS_")} == {each.name for each in fields(Conf)}
    for name in ("LEASE_TTL", "SLICE", "CACHE", "LOOP_SLOTS", "DRAIN"):
        assert f"| `{name}` | `{getattr(Conf(), name)}` |" in page


def test_the_page_about_testing_names_every_crash_point() -> None:
    page = (ROOT / "docs" / "testing.md").read_text("utf-8")
    told = set(re.findall(r"`((?:before|after|in)_[a-z_]+)`", page))
    code = "\n".join(file.read_text("utf-8") for file in sources())
    passed = {
        name for line in re.findall(r"crashpoint\((.*)\)", code) for name in re.findall(r'"(\w+)"', line)
    }
    assert told == passed


def test_every_target_of_the_makefile_is_named_in_help() -> None:
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    for target in ("build", "run", "stop", "clean", "demo", "test", "lint", "vet", "fmt", "tidy", "fatal"):
        assert f"make {target} " in told
