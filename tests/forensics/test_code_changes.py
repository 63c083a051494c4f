"""Deliberate changes of an agent's code: each is found at its first divergence, by kind, event, step and both commands."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from forensics.divergence import KINDS
from forensics.services import replay_job
from jobs import TaskGraph, agent, agents, approve, clock, workflow
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import tool
from ledger.canonical import jsonable
from tests.agents.tools import add, look, put
from tests.engine.driving import a_word, asked
from tests.factories import person
from tests.forensics.cast import CAST

pytestmark = pytest.mark.usefixtures("here")
Code = Callable[..., Any]


@tool(effect="pure")
def inspect_order(word: str) -> dict[str, Any]:
    """The same tool under a new name."""
    return look.fn(word=word)


@dataclass(frozen=True)
class Order:
    """What may be changed in the workflow below, with what it was at first."""

    find: Any = look
    mark: str = ""
    first_wait: float = 5
    limit: int = 0
    question: str = "Pay the order?"
    swapped: bool = False
    extra: bool = False
    missing: bool = False
    clock: bool = False
    die: bool = False
    result: int = 0
    note: str = "seen"

    def run(self, ctx: Any, goal: dict[str, Any]) -> Any:
        """Look, wait, ask if there is something to pay, pay."""
        steps = [self._look, self._wait]
        told = [step(ctx, goal["word"]) for step in (reversed(steps) if self.swapped else steps)]
        order = told[-1] if self.swapped else told[0]
        ctx.state["note"] = self.note
        if self.extra:
            ctx.tool(add, a=9)
        if order["n"] > self.limit:
            ctx.approval(self.question, {"order": order}, groups=["finance"])
        if not self.missing:
            ctx.tool(put, word=goal["word"])
        return order["n"] + self.result

    def _look(self, ctx: Any, word: str) -> Any:
        if self.clock and datetime.datetime.now(datetime.UTC).year < 2000:
            return None
        return ctx.tool(self.find, word=word + self.mark)

    def _wait(self, ctx: Any, word: str) -> Any:
        ctx.sleep(self.first_wait * (1 + (random.random() if self.die else 0)))


NOW: dict[str, Order] = {"code": Order()}


@agent("code_changing", version="1")
@workflow
def code_changing(ctx: Any, goal: dict[str, Any]) -> Any:
    """The workflow as it is now."""
    return NOW["code"].run(ctx, goal)


@pytest.fixture
def paid() -> str:
    """A finished job of the first code."""
    job = asked("code_changing", {"word": a_word()})
    run_until_parked(job)
    clock.shift(6)
    assert run_until_parked(job).status == "parked"
    approve(job, actor=person("bob"))
    assert run_until_parked(job).status == "completed"
    assert replay_job(job)["problem"] is None
    return job


# change -> (kind, path, the kind of the event that was recorded there, recorded command, replayed command)
Found = tuple[str, str, str, str | None, str | None]
CHANGES: dict[str, tuple[Order, Found]] = {
    "steps in another order": (Order(swapped=True), ("other_command", "main/0", "command_emitted", "look", "timer")),
    "a renamed tool": (Order(find=inspect_order), ("other_command", "main/0", "command_emitted", "look", "inspect_order")),
    "another argument": (Order(mark="!"), ("other_command", "main/0", "command_emitted", "look", "look")),
    "another duration": (Order(first_wait=60), ("other_command", "main/1", "command_emitted", "timer", "timer")),
    "one call more": (Order(extra=True), ("other_command", "main/2", "command_emitted", "approval", "add")),
    "one call less": (Order(missing=True), ("other_command", "main/3", "command_emitted", "put", None)),
    "another condition": (Order(limit=10**9), ("other_command", "main/2", "command_emitted", "approval", "put")),
    "another question to people": (Order(question="Pay?"), ("other_command", "main/2", "command_emitted", "approval", "approval")),
    "the clock": (Order(clock=True), ("outside_world", "main", "node_started", None, None)),
    "a die": (Order(die=True), ("outside_world", "main", "node_started", None, None)),
    "another result": (Order(result=1), ("other_result", "main", "node_finished", None, None)),
    "another state": (Order(note="unseen"), ("other_state", "main", "reasoning_snapshot", None, None)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_workflow_is_found_at_its_first_divergence(
    change: str, paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, (kind, path, event, had, made) = CHANGES[change]
    monkeypatch.setitem(NOW, "code", code)
    problem = replay_job(paid)["problem"]
    assert (problem["kind"], problem["node"], problem["path"]) == (kind, "main", path), problem["message"]
    row = Event.objects.get(job_id=paid, seq=problem["seq"])
    assert (row.type, row.node.partition("/")[0]) == (event, "main")
    assert _name(problem["had"]) == had
    assert _name(problem["made"]) == made
    if had is not None and made is not None:
        assert problem["had"] != problem["made"]
    assert bool(problem["place"]) == (kind == "outside_world")


def _name(command: dict[str, Any] | None) -> str | None:
    return str(command["name"] or command["kind"]) if command else None


def test_the_arguments_of_both_sides_are_shown(paid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOW, "code", Order(first_wait=60))
    problem = replay_job(paid)["problem"]
    assert (problem["had"]["args"]["seconds"], problem["made"]["args"]) == (5.0, {"seconds": 60.0})


# --- planners ------------------------------------------------------------------------------------------------


def plan(**change: Any) -> TaskGraph:
    """A graph of an order, a question and a payment, with something changed."""
    graph = TaskGraph()
    order = graph.tool(
        "order", change.get("find", look), word=change.get("word", "w"), retry=change.get("retry")
    )
    ask = graph.approval(
        "ask", question=change.get("question", "Pay?"), show={"order": order}, groups=["finance"],
        when=order["n"] > change.get("limit", 0), deadline=change.get("deadline", "3d"),
    )  # fmt: skip
    if change.get("nap"):
        graph.sleep("nap", 5)
    graph.output(graph.tool("pay", put, word="w", after=[ask] if change.get("asked", True) else []))
    return graph


PLAN: dict[str, dict[str, Any]] = {"now": {}}


@agent("replanning")
def replanning(goal: Any) -> TaskGraph:
    """The plan as it is now."""
    return plan(**PLAN["now"])


REPLANS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a renamed tool": ({"find": inspect_order}, "order", '"look"', '"inspect_order"'),
    "another argument": ({"word": "v"}, "order", '"w"', '"v"'),
    "another retry": ({"retry": {"max_attempts": 9}}, "order", "null", '"max_attempts": 9'),
    "another condition": ({"limit": 5}, "ask", "0", "5"),
    "another question": ({"question": "Really?"}, "ask", "Pay?", "Really?"),
    "another deadline": ({"deadline": "1d"}, "ask", "259200", "86400"),
    "a node more": ({"nap": True}, "pay", "node pay", "node nap"),
    "another order": ({"asked": False}, "pay", '["ask"]', "[]"),
}


@pytest.mark.parametrize("change", REPLANS)
def test_a_changed_planner_is_found_at_its_first_other_node(
    change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PLAN, "now", {})
    job = asked("replanning")
    run_until_parked(job)
    assert replay_job(job)["problem"] is None
    now, node, had, made = REPLANS[change]
    monkeypatch.setitem(PLAN, "now", now)
    problem = replay_job(job)["problem"]
    assert (problem["kind"], problem["node"]) == ("other_plan", "_plan")
    assert problem["path"] in (node, "nap")
    assert had in problem["recorded"]
    assert made in problem["asked"]
    assert Event.objects.get(job_id=job, seq=problem["seq"]).type == "plan_generated"


# --- which code ----------------------------------------------------------------------------------------------


def test_the_source_that_a_claim_ran_is_on_its_record_beside_the_one_of_today(
    paid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = replay_job(paid)["sources"]
    digest = agents.source_digest(code_changing.fn)
    assert len(digest) == 64
    assert told == [{"node": name, "recorded": digest, "here": digest} for name in ("_plan", "main")]
    flow = agents.get_workflow("code_changing")
    monkeypatch.setitem(agents._workflows, "code_changing", _but(flow, code="0" * 64))
    assert [each["here"] == each["recorded"] for each in replay_job(paid)["sources"]] == [True, False]


def _but(flow: Any, **changes: Any) -> Any:
    from dataclasses import replace

    return replace(flow, **changes)


def test_the_digest_of_a_source_is_of_its_text_whatever_its_line_ends(tmp_path: Any) -> None:
    digests = set()
    for name, end in (("a", "\n"), ("b", "\r\n")):
        file = tmp_path / f"{name}.py"
        file.write_bytes(f"def f():{end}    return 1{end}".encode())
        space: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), space)  # noqa: S102 - a module of this test
        digests.add(agents.source_digest(space["f"]))
    assert len(digests) == 1
    assert agents.source_digest(eval("lambda: 1")) == ""  # noqa: S307 - code without a file


# --- nothing was changed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CAST)
def test_an_unchanged_job_is_identical_whatever_it_has_been_through(name: str) -> None:
    job = CAST[name]()
    told = replay_job(job)
    assert told["problem"] is None
    assert jsonable(told) == jsonable(replay_job(job))


def test_every_kind_of_divergence_is_tried_somewhere() -> None:
    tried = {found[0] for _, found in CHANGES.values()} | {"other_plan", "code_missing", "other_end"}
    assert tried == set(KINDS)
