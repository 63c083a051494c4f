"""TaskGraph: how a planner writes a graph in Python.

Every maker of a node takes these keywords besides its own:

    after      nodes to come after, as handles or ids: one, or a list
    when       the condition under which the node runs (a reference, a comparison, or a boolean)
    retry      a Retry, or an object with some of its fields; overrides the tool's
    timeout    bound on one attempt of a call, a duration
    on_error   "fail" (the job fails), "skip" (the dependants are skipped), "continue" (result null)

It returns the handle of the node, and raises PlanError, naming the node, for an id that is bad or
taken and for a field that cannot stand. What concerns several nodes (a cycle, a name that leads
nowhere) is found when the finished graph is loaded as a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack, cast

from jobs.core import authoring
from jobs.core.authoring import Named, Options
from jobs.core.kinds import Node, read_node
from jobs.core.links import set_gates
from jobs.core.names import PlanError
from jobs.core.plan import FORMAT, Plan
from jobs.core.refs import NodeRef, Ref, encode, item_ref

Nodes = Sequence[NodeRef | str]


class TaskGraph:
    """A graph of steps in the making. Results of nodes are references: `order["cents"]`."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._output: object = None
        self._has_output = False

    @property
    def item(self) -> Ref:
        """The current item of a map; for use inside its `each`."""
        return item_ref()

    def node(self, id: str) -> NodeRef:
        """Return the handle of a node that was made before. Raises PlanError if there is none."""
        if id not in self._nodes:
            raise PlanError(f"the graph has no node {id!r}; make it first", "unknown_node", str(id))
        return NodeRef(id)

    def tool(self, id: str, tool: Named | str, /, **args: Any) -> NodeRef:
        """Call a tool; the keywords that are not options are its arguments."""
        options, args = authoring.options_of(args)
        fields = {
            "tool": authoring.name_of(id, "tool", tool),
            "args": authoring.write_named(id, "args", args),
        }
        return self._add(id, "tool", fields, options)

    def llm(
        self,
        id: str,
        model: str,
        messages: object,
        tools: Sequence[Named | str] = (),
        output: object = None,
        **params: Any,
    ) -> NodeRef:
        """Ask a model; yields `{text, output, tool_calls, usage, model}` and calls no tool itself.

        `output` is a pydantic model or a JSON Schema; the keywords that are not options go to the model.
        """
        options, params = authoring.options_of(params)
        fields = {
            "model": model,
            "messages": authoring.write(id, "messages", messages),
            "tools": authoring.names_of(id, "tool", tools),
            "output": authoring.schema_of(id, "output", output),
            "params": authoring.write_named(id, "params", params),
        }
        return self._add(id, "llm", fields, options)

    def workflow(self, id: str, fn: Named | str, /, **args: Any) -> NodeRef:
        """Run a durable function; the keywords that are not options are its arguments."""
        options, args = authoring.options_of(args)
        fields = {
            "fn": authoring.name_of(id, "workflow", fn),
            "args": authoring.write_named(id, "args", args),
        }
        return self._add(id, "workflow", fields, options)

    def agent(self, id: str, name: Named | str, goal: object, **options: Unpack[Options]) -> NodeRef:
        """Start a child job and wait for it; `name` is "refund", or "refund@2" for a version."""
        fields = {
            "agent": authoring.name_of(id, "agent", name),
            "goal": authoring.write(id, "goal", goal),
        }
        return self._add(id, "agent", fields, options)

    def wait(
        self,
        id: str,
        signal: str,
        deadline: object = None,
        on_timeout: str = "fail",
        **options: Unpack[Options],
    ) -> NodeRef:
        """Wait for a signal and yield its payload; each wait takes one."""
        fields = {"signal": signal, "deadline": deadline, "on_timeout": on_timeout}
        return self._add(id, "wait", fields, options)

    def receive(
        self,
        id: str,
        channel: str,
        deadline: object = None,
        on_timeout: str = "fail",
        **options: Unpack[Options],
    ) -> NodeRef:
        """Wait for a message on a channel and yield it."""
        fields = {"channel": channel, "deadline": deadline, "on_timeout": on_timeout}
        return self._add(id, "receive", fields, options)

    def sleep(self, id: str, seconds: float | str, **options: Unpack[Options]) -> NodeRef:
        """Let time pass; a duration."""
        return self._add(id, "sleep", {"seconds": seconds}, options)

    def approval(
        self,
        id: str,
        question: object,
        show: Mapping[str, object] | None = None,
        groups: Sequence[str] = (),
        users: Sequence[str] = (),
        quorum: int = 1,
        four_eyes: bool = False,
        deadline: object = None,
        on_timeout: str = "reject",
        escalate_to: Sequence[str] = (),
        form: object = None,
        **options: Unpack[Options],
    ) -> NodeRef:
        """Ask people: `quorum` approvals approve, one rejection rejects.

        `show` is what they see, `form` (a pydantic model or a JSON Schema) what they fill in. With
        `four_eyes` the requester may not answer. `on_timeout` is reject, approve or escalate.
        """
        fields = {
            "question": authoring.write(id, "question", question),
            "show": authoring.write_named(id, "show", show or {}),
            "groups": authoring.write(id, "groups", groups),
            "users": authoring.write(id, "users", users),
            "quorum": quorum,
            "four_eyes": four_eyes,
            "deadline": deadline,
            "on_timeout": on_timeout,
            "escalate_to": authoring.write(id, "escalate_to", escalate_to),
            "form": authoring.schema_of(id, "form", form),
        }
        return self._add(id, "approval", fields, options)

    def map(
        self,
        id: str,
        tool: Named | str,
        /,
        over: object,
        each: Mapping[str, object] | None = None,
        concurrency: int | None = None,
        tolerate: int = 0,
        **args: Any,
    ) -> NodeRef:
        """Call a tool for each item of a list, with `g.item` for the item; yields a list in its order.

        Further keywords that are not options are arguments of each call. Up to `tolerate` failures
        stand as null.
        """
        options, args = authoring.options_of(args)
        given = each or {}
        twice = sorted(set(given) & set(args))
        if twice:
            raise PlanError(
                f"node {id!r}: the argument {twice[0]!r} stands in each and as a keyword; keep one",
                "bad_value",
                str(id),
            )
        fields = {
            "tool": authoring.name_of(id, "tool", tool),
            "over": authoring.write(id, "over", over),
            "each": authoring.write_named(id, "each", {**given, **args}),
            "concurrency": concurrency,
            "tolerate": tolerate,
        }
        return self._add(id, "map", fields, options)

    def branch(
        self,
        id: str,
        cond: Ref | bool,
        then: Nodes = (),
        otherwise: Nodes = (),
        **options: Unpack[Options],
    ) -> NodeRef:
        """Let the nodes of one side run and skip those of the other, by their own `when` as it were."""
        fields = {
            "cond": authoring.write(id, "cond", cond),
            "then": authoring.node_ids(id, "then", then),
            "otherwise": authoring.node_ids(id, "otherwise", otherwise),
        }
        return self._add(id, "branch", fields, options)

    def output(self, value: object) -> None:
        """Say what the job yields: a reference, or JSON with references in it. Once per graph."""
        if self._has_output:
            raise PlanError("the graph has an output already; call g.output once", "second_output")
        try:
            self._output = encode(value)
        except TypeError as problem:
            raise PlanError(f"the output of the graph: {problem}", "not_json") from None
        self._has_output = True

    def _add(self, id: str, kind: str, fields: Mapping[str, object], options: Mapping[str, Any]) -> NodeRef:
        authoring.check_words(id, fields, options)
        node = read_node({"id": id, "kind": kind, **fields, **authoring.write_options(id, options)})
        name = cast(str, node["id"])
        if name in self._nodes:
            raise PlanError(f"node {name!r}: the id is taken already; choose another", "duplicate_id", name)
        self._nodes[name] = node
        return NodeRef(name)

    def to_json(self) -> dict[str, object]:
        """Return the graph as a plan in JSON, format 1.

        Raises PlanError if a branch lists a node that does not exist; the rest is checked on loading.
        """
        nodes = {name: {**_copied(node), "gates": []} for name, node in self._nodes.items()}
        set_gates(nodes)
        return {"format": FORMAT, "nodes": list(nodes.values()), "output": _copied(self._output)}

    @classmethod
    def from_json(cls, data: object) -> TaskGraph:
        """Return the graph of a plan in JSON (written by a model, say). Raises PlanError."""
        plan = Plan.load(data).to_json()
        graph = cls()
        graph._nodes = {cast(str, node["id"]): node for node in cast(list[Node], plan["nodes"])}
        graph._output = plan["output"]
        graph._has_output = plan["output"] is not None
        return graph


def _copied(value: Any) -> Any:
    """A copy of JSON; a few times as fast as one that must know every type."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value
