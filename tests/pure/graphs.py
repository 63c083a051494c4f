"""Graphs for the pure tests: a scope of plain dicts, and strategies that write graphs as a planner does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from jobs.core.graph import TaskGraph
from jobs.core.refs import Missing, NodeRef

scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=3)
keys = st.sampled_from(["a", "b", "$ref", "$lit", "args", "$op"]) | st.text(max_size=3)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)
durations: st.SearchStrategy[Any] = st.sampled_from([0.5, 3, "250ms", "30s", "1.5h", "3d"])
deadlines = st.none() | durations | st.just("2030-01-31T12:00:00+02:00")


@dataclass
class Facts:
    """What the nodes of a job have yielded."""

    results: dict[str, object] = field(default_factory=dict)
    states: set[tuple[str, str]] = field(default_factory=set)
    errors: dict[str, object] = field(default_factory=dict)
    item: object = None

    def result(self, node: str) -> object:
        """Return a result, or raise Missing."""
        if node not in self.results:
            raise Missing(node)
        return self.results[node]

    def state(self, node: str, name: str) -> bool:
        """Tell whether the node ended so."""
        return (node, name) in self.states

    def error(self, node: str) -> object:
        """Return the error of the node."""
        return self.errors.get(node)


class Draft:
    """A graph that is being written by a strategy."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.graph = TaskGraph()
        self.handles: list[NodeRef] = []
        self.kinds: dict[str, str] = {}

    def value(self) -> object:
        """Draw an argument: a literal, or something of an earlier node."""
        literal = self.draw(json_values)
        if not self.handles or self.draw(st.booleans()):
            return literal
        node = self.draw(st.sampled_from(self.handles))
        forms = [
            node,
            node["a"][0],
            node["b"].or_(literal),
            node.error["x"],
            node["n"] > 3,
            [node, {"k": node}],
        ]
        return forms[self.draw(st.integers(0, len(forms) - 1))]

    def condition(self) -> Any:
        """Draw a condition."""
        if not self.handles:
            return self.draw(st.booleans())
        node = self.draw(st.sampled_from(self.handles))
        forms = [
            node.failed,
            ~node.skipped,
            node["n"] >= 2,
            node["s"].in_(["x", "y"]) | node.failed,
            node["ok"],
        ]
        if self.kinds[node.id] == "approval":
            forms += [node.rejected, node.approved & ~node.timed_out]
        return forms[self.draw(st.integers(0, len(forms) - 1))]

    def options(self) -> dict[str, Any]:
        """Draw the keywords that every node takes."""
        every = {
            "after": st.lists(st.sampled_from(self.handles), max_size=2) if self.handles else st.just([]),
            "when": st.builds(self.condition),
            "retry": st.sampled_from([None, {"max_attempts": 5}, {"backoff": "2s", "jitter": 0}]),
            "timeout": st.none() | durations,
            "on_error": st.sampled_from(["fail", "skip", "continue"]),
        }
        chosen = self.draw(st.sets(st.sampled_from(sorted(every))))
        return {key: self.draw(every[key]) for key in sorted(chosen)}

    def add(self, kind: str) -> None:
        """Make one more node."""
        name = f"n{len(self.handles)}"
        handle = getattr(self, f"_{kind}")(name, self.options())
        self.kinds[name] = kind
        self.handles.append(handle)

    def _tool(self, name: str, options: dict[str, Any]) -> NodeRef:
        return self.graph.tool(name, "fetch", x=self.value(), **options)

    def _llm(self, name: str, options: dict[str, Any]) -> NodeRef:
        messages = [{"role": "user", "content": self.value()}]
        return self.graph.llm(name, "scripted/a", messages, tools=["fetch"], temperature=0, **options)

    def _workflow(self, name: str, options: dict[str, Any]) -> NodeRef:
        return self.graph.workflow(name, "triage", x=self.value(), **options)

    def _agent(self, name: str, options: dict[str, Any]) -> NodeRef:
        agent = self.draw(st.sampled_from(["refund", "refund@2"]))
        return self.graph.agent(name, agent, self.value(), **options)

    def _wait(self, name: str, options: dict[str, Any]) -> NodeRef:
        return self.graph.wait(name, signal="go", deadline=self.draw(deadlines), **options)

    def _receive(self, name: str, options: dict[str, Any]) -> NodeRef:
        return self.graph.receive(name, channel="in", on_timeout="continue", **options)

    def _sleep(self, name: str, options: dict[str, Any]) -> NodeRef:
        return self.graph.sleep(name, self.draw(durations), **options)

    def _approval(self, name: str, options: dict[str, Any]) -> NodeRef:
        who: dict[str, Any] = self.draw(
            st.sampled_from([{"groups": ["finance"]}, {"users": ["user-1", "user-2"], "quorum": 2}])
        )
        late: dict[str, Any] = self.draw(
            st.sampled_from([{}, {"on_timeout": "escalate", "escalate_to": ["heads"]}])
        )
        show = {"what": self.value()}
        return self.graph.approval(
            name, "Sure?", show, deadline=self.draw(deadlines), **who, **late, **options
        )

    def _map(self, name: str, options: dict[str, Any]) -> NodeRef:
        over = self.handles[0]["list"] if self.handles else [1, 2]
        each = {"x": self.graph.item["x"], "y": self.value()}
        return self.graph.map(name, "fetch", over=over, each=each, concurrency=2, tolerate=1, **options)

    def _branch(self, name: str, options: dict[str, Any]) -> NodeRef:
        """The nodes of both sides are made right after it, which nothing before can refer to."""
        then, otherwise = (f"{name}.then", f"{name}.else")
        cond = self.condition()
        self.graph.tool(then, "fetch")
        self.graph.tool(otherwise, "fetch")
        return self.graph.branch(name, cond, then=[then], otherwise=[otherwise], **options)


KINDS = ("tool", "llm", "workflow", "agent", "wait", "receive", "sleep", "approval", "map", "branch")


@st.composite
def graphs(draw: st.DrawFn) -> TaskGraph:
    """A valid graph of one to six nodes of any kind."""
    draft = Draft(draw)
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)):
        draft.add(kind)
    if draw(st.booleans()):
        draft.graph.output(draft.value())
    return draft.graph
