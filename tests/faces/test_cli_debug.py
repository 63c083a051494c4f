"""`aetheris debug --compare-replay`: recorded jobs, from the API and from packages, held against the code that lies here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import httpx
import pytest

from aetheris_site.cli import histories
from forensics.package import export
from jobs import agent, agents, workflow
from jobs.testing import run_until_parked
from tests.agents.tools import add
from tests.engine.driving import a_word, asked, flow
from tests.faces.api_stage import Caller
from tests.faces.command_line import Desk, Ended, aetheris, ok, page
from tests.forensics.conftest import here  # noqa: F401 - a fixture
from tests.forensics.forgetting import erased
from tests.pure.test_hostile_evidence import packed

pytestmark = pytest.mark.usefixtures("here")
HOW: dict[str, Any] = {"by": 1}


@flow
def gated(ctx: Any, goal: dict[str, Any]) -> Any:
    """Count by what the test says now."""
    total = 0
    for _ in range(goal["turns"]):
        total = ctx.tool(add, a=total + HOW["by"])
    return [goal["word"], total]


class Server(Desk):
    """The API of this very process, for the command."""

    def __init__(self) -> None:
        super().__init__({})
        self.caller = Caller()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        assert request.method == "GET"
        path = request.url.raw_path.decode()
        answer = self.caller.get(path)
        return httpx.Response(
            answer.status_code, content=answer.content, headers=dict(answer.headers.items())
        )


def ended(turns: int) -> str:
    """A finished job of so many questions."""
    job = asked("gated", {"turns": turns, "word": a_word() + "x" * (70_000 if turns == 3 else 0)})
    assert run_until_parked(job).status == "completed"
    return job


def debug(*args: str) -> Ended:
    return aetheris("debug", "--compare-replay", *args, desk=Server())


def test_jobs_that_the_code_would_still_decide_alike_pass_the_gate(tmp_path: Path) -> None:
    jobs = [ended(2), ended(3)]
    told = debug(*jobs, "--json")
    assert (told.code, told.json["verdict"]) == (0, "identical"), told.err
    assert told.json["counts"] == {"identical": 2, "diverged": 0, "not_comparable": 0}
    assert [each["source_changed"] for each in told.json["jobs"]] == [False, False]
    package = tmp_path / "golden.zip"
    export(jobs[1], package)
    without_a_server = aetheris("debug", "--compare-replay", str(package), "--json")
    assert (without_a_server.code, without_a_server.json["jobs"][0]["job"]) == (0, jobs[1]), (
        without_a_server.err
    )


def test_a_change_closes_the_gate_and_is_reported_by_kind_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [ended(2), ended(2), ended(1)]
    gone = ended(2)
    erased(gone)
    monkeypatch.setitem(HOW, "by", 2)
    reports = [tmp_path / f"gate{end}" for end in (".json", ".md", ".xml")]
    told = debug(*jobs, gone, *[part for path in reports for part in ("--report", str(path))])
    assert told.code == 1
    assert "3 of 4 jobs would have gone otherwise" in told.err
    assert f"{gone}: not comparable: payload_erased" in told.err
    assert "other_command at main/*" in told.out
    document = json.loads(reports[0].read_text())
    assert document["counts"] == {"identical": 0, "diverged": 3, "not_comparable": 1}
    assert [each["jobs"] for each in document["divergences"]] == [jobs]
    first = document["divergences"][0]["first"]["problem"]
    assert (first["path"], first["had"]["args"]["a"], first["made"]["args"]) == ("main/0", 1, {"a": 2})
    assert f"`{jobs[0]}`" in reports[1].read_text()
    suite = ElementTree.fromstring(reports[2].read_text())  # noqa: S314 - our own
    assert [suite.get(name) for name in ("tests", "failures", "skipped")] == ["4", "3", "1"]


def test_a_new_version_is_held_against_jobs_of_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    job = ended(2)
    registered = dict(agents._agents)
    monkeypatch.setattr(agents, "_agents", registered)
    monkeypatch.setattr(agents, "_workflows", dict(agents._workflows))

    @agent("gated", version="2")
    @workflow(name="gated_2")
    def alike(ctx: Any, goal: dict[str, Any]) -> Any:
        one = ctx.tool(add, a=1)
        return [goal["word"], ctx.tool(add, a=one + 1)]

    assert debug(job, "--against", "2").code == 0, debug(job, "--against", "2").err
    assert debug(job, "--against", "3").code == 1
    assert "nothing_compared" in debug(job, "--against", "3").err

    @agent("gated", version="4")
    @workflow(name="gated_4")
    def other(ctx: Any, goal: dict[str, Any]) -> Any:
        return ctx.tool(add, a=7)

    told = debug(job, "--against", "4", "--json")
    assert (told.code, told.json["divergences"][0]["first"]["problem"]["node"]) == (1, "main")


def test_jobs_are_chosen_by_what_they_are_and_only_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [ended(1) for _ in range(3)]
    told = debug("--agent", "gated", "--status", "completed", "--since", "1h", "--limit", "2", "--json")
    assert [each["job"] for each in told.json["jobs"]] == [jobs[2], jobs[1]]
    none = aetheris("debug", "--compare-replay", "--agent", "nobody", desk=Desk({"GET /api/jobs": page()}))
    assert (none.code, "no_jobs" in none.err) == (3, True)


def test_a_question_that_makes_no_sense_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    desk = Desk({"GET /api/jobs": ok([])})
    for args in (["x"], ["--compare-replay"], ["--compare-replay", "x", "--agent", "y"],
                 ["--compare-replay", "x", "--report", "gate.pdf"]):  # fmt: skip
        assert aetheris("debug", *args, desk=desk).code == 2, args
    assert desk.asked == []
    lost = tmp_path / "lost.zip"
    assert aetheris("debug", "--compare-replay", str(lost)).code == 3
    lost.write_bytes(b"no zip")
    assert "no_package" in aetheris("debug", "--compare-replay", str(lost)).err


@pytest.mark.parametrize(
    "content",
    [b"7\n", b"[]\n", b"{}\n", b'{"a": 1}\n', b"[" * 100_000 + b"\n", b'{"body":{},"seq":"x"}\n', b"\xff\n"],
)
def test_a_package_that_was_made_to_do_harm_is_refused_and_not_unpacked(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "harm.zip"
    path.write_bytes(packed(content).getvalue())
    told = aetheris("debug", "--compare-replay", str(path))
    assert told.code == 1
    assert "cannot be read" in told.err
    assert "Traceback" not in told.err
    with ZipFile(path, "a") as zip:
        zip.writestr("../outside.txt", "x")
    assert "no_package" in aetheris("debug", "--compare-replay", str(path)).err
    assert [each.name for each in tmp_path.parent.glob("outside*")] == []


def test_large_parts_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "golden.zip"
    export(ended(2), path)
    monkeypatch.setattr(histories, "LARGEST_PARTS", -1)
    told = aetheris("debug", "--compare-replay", str(path), "--json")
    assert told.code == 1
    assert "too_large" in told.out + told.err


def test_code_that_cannot_be_loaded_is_named() -> None:
    told = aetheris("debug", "--compare-replay", "x", "--agents", "no_such_module", desk=Desk({}))
    assert told.code == 1
    assert "no_such_module" in told.err
