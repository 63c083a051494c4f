"""Scenes: a given graph, begun, and the short words in which the example tests tell what happens to it."""

from __future__ import annotations

from typing import Any

from jobs.core.commands import AdoptPlan, Call, Outcome, Release, SendSignal, StartNode, Tell, Vote
from jobs.core.graph import TaskGraph
from jobs.core.plan import Plan
from jobs.core.state import PLAN_STEP
from tests.pure.story import ASKER, PEOPLE, RETRY, WORKER, Story, Told

NO = {"class": "ToolError", "message": "the other side said no"}
DONE = Outcome("landed", {"n": 5, "list": [1, 2]})
NOT_LANDED = Outcome("not_landed", error=NO)
RAISED = Outcome("raised", error=NO)
FINAL = Outcome("not_landed", error=NO, permanent=True)


class Scene(Story):
    """A job whose graph is given; what is refused here is an error of the test."""

    def must(self, wish: Any) -> Told:
        """Send a wish that has to be granted."""
        told = self.send(wish)
        if told.refusal is not None:
            raise AssertionError(f"{wish} was refused: {told.refusal.message}") from told.refusal
        return told

    def refused(self, wish: Any) -> str:
        """Send a wish that has to be refused, and return the refusal's code."""
        told = self.send(wish)
        assert told.refusal is not None, f"{wish} was granted"
        return told.refusal.code

    def claim(self, step: str) -> int:
        """A worker claims a step, with the promise of its call if it has one; returns the fence."""
        node = self.state.nodes[step]
        self.must(StartNode(step, WORKER, self.promise_of(node), alone=node.suspect))
        return self.state.nodes[step].fence

    def tell(self, path: str, outcome: Outcome = DONE) -> Told:
        """The worker that made a call tells its outcome."""
        asked = self.state.calls[path]
        return self.must(telling(self, path, asked.attempt, asked.fence, outcome))

    def work(self, step: str, outcome: Outcome = DONE) -> Told:
        """Claim a step and tell the outcome of its call."""
        self.claim(step)
        return self.tell(step, outcome)

    def ask(self, path: str, kind: str, name: str = "", **spec: Any) -> Told:
        """A running workflow asks for something under a path of its own."""
        node = self.state.nodes[path.partition("/")[0]]
        promise = self.promise(name, path) if kind == "tool" else None
        return self.must(Call(node.id, node.fence, path, kind, name, {"x": 1}, promise, spec))

    def release(self, step: str, *paths: str) -> Told:
        """A workflow can go no further before one of the paths is answered."""
        return self.must(Release(step, self.state.nodes[step].fence, paths))

    def vote(self, node: str, decision: str = "approve", voter: int = 1) -> Vote:
        """The vote of one of PEOPLE on what is shown now."""
        info = self.state.calls[node].info
        return Vote(info["approval"], decision, info["digest"], PEOPLE[voter])

    def signal(self, name: str, payload: object = None) -> Told:
        """Somebody sends a signal."""
        return self.must(SendSignal(name, payload, self.letter(), ASKER))

    def status(self, step: str) -> str:
        """The status of a step."""
        return self.state.nodes[step].status

    def statuses(self) -> dict[str, str]:
        """The status of every step of the plan, without the items of maps."""
        plan = self.state.plan
        return {name: self.state.nodes[name].status for name in (plan.nodes if plan else ())}


def telling(scene: Story, path: str, attempt: int, fence: int, outcome: Outcome) -> Tell:
    """The wish of a worker that tells an outcome."""
    return Tell(scene.state.calls[path].node, fence, path, attempt, outcome)


def begun(graph: TaskGraph, on_failure: str = "fail") -> Scene:
    """A job with this graph, planned."""
    plan = Plan.load(graph.to_json()).to_json()
    scene = Scene(lambda options: options[-1], plan, on_failure=on_failure)
    scene.begin()
    return scene


def unplanned() -> Scene:
    """A job whose planner has been claimed and has said nothing yet."""
    scene = Scene(lambda options: options[0], {}, on_failure="fail")
    scene.begin()
    scene.must(StartNode(PLAN_STEP, WORKER))
    return scene


def adopt(scene: Scene, graph: TaskGraph) -> Told:
    """The planner hands in its graph."""
    return scene.must(AdoptPlan(scene.state.nodes[PLAN_STEP].fence, graph.to_json()))


def gathering(**options: Any) -> Scene:
    """A running workflow `w` with nothing asked yet."""
    graph = TaskGraph()
    graph.workflow("w", "triage", retry=RETRY, **options)
    scene = begun(graph)
    scene.claim("w")
    return scene
