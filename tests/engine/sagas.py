"""Tools that can be undone, what is undone of them, and graphs that fail in the end."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph
from jobs.core.state import JobState
from ledger import Absent, Landed, Retry, ToolCall, Unknown, tool
from ledger.models import Invocation
from tests.agents import world
from tests.engine.driving import started

AT_ONCE = Retry(max_attempts=2, backoff=5, jitter=0)


@tool(name="saga.book", retry=AT_ONCE, key=lambda word, name, **_: f"{word}:{name}")
def book(word: str, name: str) -> Any:
    """Book something."""
    world.did(f"{word} {name}")
    return world.answer(f"{word} {name}", {"name": name})


@book.compensate(effect="idempotent", timeout=5)
def give_back(call: ToolCall, result: Any) -> Any:
    """Give it back."""
    assert call.compensates is not None
    told = (call.args["name"], result, call.node, call.attempt, call.compensates.node)
    world.did(f"{call.args['word']} {told}")
    order.setdefault(call.args["word"], []).append(call)
    return world.answer(f"{call.args['word']} undo {call.args['name']}", None)


@tool(name="saga.wire", retry=AT_ONCE)
def wire(word: str, name: str) -> Any:
    """Send money; what undoes it must not be done twice either, and can be asked."""
    return world.answer(f"{word} {name}", {"name": name})


@wire.compensate
async def call_back(call: ToolCall, result: Any) -> Any:
    """Call it back."""
    order.setdefault(call.args["word"], []).append(call)
    return world.answer(f"{call.args['word']} undo {call.args['name']}", None)


@call_back.probe(final=True)
def _called_back(call: ToolCall) -> Landed | Absent | Unknown:
    told: Landed | Absent | Unknown = world.answer(f"{call.args['word']} probe", Unknown("nobody knows"))
    return told


@tool(name="saga.blind", retry=AT_ONCE)
def blind(word: str, name: str) -> Any:
    """Do something whose undoing nobody can be asked about."""
    return world.answer(f"{word} {name}", {"name": name})


@blind.compensate
def undo_blindly(call: ToolCall, result: Any) -> Any:
    """Undo it."""
    order.setdefault(call.args["word"], []).append(call)
    return world.answer(f"{call.args['word']} undo {call.args['name']}", None)


@tool(name="saga.post", effect="idempotent")
def post(word: str, name: str) -> str:
    """Send a letter, which nobody can call back."""
    world.did(f"{word} {name}")
    return name


@tool(name="saga.opaque")
def opaque(word: str, name: str) -> object:
    """Do something, and give back what cannot be kept."""
    return object()


@opaque.compensate(effect="idempotent")
def undo_opaque(call: ToolCall, result: Any) -> Any:
    """Undo it."""
    order.setdefault(call.args["word"], []).append(call)
    assert result is None
    return object()


@tool(name="saga.fail", effect="pure", retry=Retry(max_attempts=1))
def stumble(word: str) -> None:
    """Fail."""
    raise ValueError(word)


order: dict[str, list[ToolCall]] = {}


def chain(word: str, *steps: Any) -> TaskGraph:
    """The tools one after the other, and then a step that fails."""
    graph = TaskGraph()
    last: list[Any] = []
    for number, each in enumerate(steps):
        last = [graph.tool(f"s{number}", each, word=word, name=f"s{number}", after=last)]
    graph.tool("end", stumble, word=word, after=last)
    return graph


def compensating(graph: TaskGraph) -> str:
    return started(graph, on_failure="compensate")


def undone(word: str) -> list[str]:
    """What was undone, in order, each time it was tried."""
    return [call.args["name"] for call in order.get(word, [])]


def lines(job: str) -> dict[str, str]:
    """The state of every ledger line, by its path."""
    found = Invocation.objects.filter(job_id=job).exclude(effect="pure")
    return dict(found.values_list("node", "state"))


def report(state: JobState) -> dict[str, Any]:
    assert state.compensation is not None
    left = {each["node"]: each["reason"] for each in state.compensation["not_undone"]}
    return {"undone": [each["node"] for each in state.compensation["undone"]], "not_undone": left}
