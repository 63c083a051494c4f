"""The real stack in a folder of its own: up, healthy, down; and the demo, told as a reader would tell it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from aetheris_site.stack import checkout, ports, processes
from aetheris_site.stack.place import ROOT, Place

pytestmark = pytest.mark.fatal


def _clean_env() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place with embedded database and broker on a free port."""
    env = _clean_env() | {"AETHERIS_VAR": str(tmp_path / "var")}
    (tmp_path / "bin").mkdir()
    return Place(ROOT, tmp_path / "bin", tmp_path / "var", ports.any_free(), env)


@pytest.mark.timeout(600)
def test_it_comes_up_healthy_says_how_to_get_in_and_leaves_nothing_behind(place: Place) -> None:
    said: list[str] = []
    try:
        checkout.run(place, said.append)
        assert {path.stem for path in place.folder.glob("*.pid")} == {"api", "worker", "beat", "payments"}
        ready = httpx.get(f"{place.url}/readyz", trust_env=False)
        assert (ready.status_code, ready.json()["missing"]) == (200, [])
        local = json.loads((place.var / "local.json").read_text())
        assert local["api"] == place.url
        for name in ("operator", "approver"):
            assert any(name in line and local["users"][name]["password"] in line for line in said)
        head = {"Authorization": f"Bearer {local['tokens']['operator']}"}
        assert httpx.get(f"{place.url}/api/jobs", headers=head, trust_env=False).json()["results"] == []
        checkout.run(place, said.append)
        assert any("already running" in line for line in said)
    finally:
        checkout.stop(place, said.append)
    assert list(processes.marked(place.folder)) == []
    assert list(place.folder.glob("*.pid")) == []
    assert not list(ROOT.glob("celerybeat*"))


@pytest.mark.timeout(300)
def test_the_demo_ends_well_and_leaves_nothing_behind(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "aetheris_site.stack", "demo"],
        cwd=ROOT,
        env=_clean_env() | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "yes  the payment service saw 1 refund (1 call, 12000 cents)" in told.stdout
    assert "kill -9" in told.stdout
    assert "yes  an evidence package of " in told.stdout
    assert told.stdout.count("\n") <= 60
    assert list(tmp_path.iterdir()) == []
    assert not [each for each in psutil.process_iter() if _runs_in(each, tmp_path)]


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return str(folder) in process.environ().get("AETHERIS_STACK", "")
    except (psutil.Error, OSError):
        return False
