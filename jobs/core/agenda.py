"""The agenda: which steps want attention now, and how a map puts its items on it and takes them off."""

from __future__ import annotations

from .changing import replace
from .state import ON_THE_AGENDA, SETTLED, JobState, Node


def place(state: JobState, node: Node) -> JobState:
    """The state with one step written, and the agenda kept."""
    agenda = state.agenda
    listed = _belongs_on_the_agenda(state, node)
    if listed != (node.id in agenda):
        agenda = agenda | {node.id} if listed else agenda - {node.id}
    due = state.due
    if due and node.id in due and node.status != "waiting":
        due = tuple(name for name in due if name != node.id)
    return state.but(nodes=state.nodes.set(node.id, node), agenda=agenda, due=due)


def rest(state: JobState, node: Node) -> JobState:
    """The state with a step written that does not run now; an item that its map has left behind is skipped."""
    if orphaned(state, node) and not _bound(state, node):
        node = replace(node, status="skipped", reason="upstream", wake_at=None, hold=None)
    return place(state, node)


def prune(state: JobState) -> JobState:
    """The state of a job that begins to end: only what runs or holds a promise stays on its agenda."""
    kept = (name for name in state.agenda if _belongs_on_the_agenda(state, state.nodes[name]))
    return state.but(agenda=frozenset(kept))


def _belongs_on_the_agenda(state: JobState, node: Node) -> bool:
    if node.status not in ON_THE_AGENDA or node.kind == "map":
        return False
    going_on = state.phase == "open" or node.kind == "compensation"
    return going_on or node.status == "running" or _bound(state, node)


def _bound(state: JobState, node: Node) -> bool:
    """Whether a promise of the step stands against the end of the job."""
    return any(state.calls[path].blocks_the_end for path in node.open)


def orphaned(state: JobState, node: Node) -> bool:
    """Whether the step is an item whose map has settled without it."""
    return bool(node.parent) and state.nodes[node.parent].status in SETTLED


def opened_map(state: JobState, opened: Node, count: int) -> JobState:
    """A map that runs, with its items; the first ones (up to its concurrency) are ready."""
    node = replace(opened, count=count)
    nodes = state.nodes.mutate()
    for index in range(count):
        item = f"{node.id}/{index}"
        nodes[item] = Node(id=item, kind="tool", parent=node.id, index=index)
    return _launch(place(state.but(nodes=nodes.finish()), node), node)


def _launch(state: JobState, node: Node) -> JobState:
    told = state.plan.nodes[node.id].spec if state.plan else {}
    limit, tolerated = told["concurrency"] or node.count, told["tolerate"]
    open_items = set()
    nodes = state.nodes.mutate()
    launched, ahead = node.launched, node.ahead
    going = state.phase == "open" and node.failed <= tolerated
    while going and launched < node.count and launched - (node.settled - ahead) < limit:
        item = f"{node.id}/{launched}"
        launched += 1
        if nodes[item].status != "waiting":
            ahead -= 1
            continue
        nodes[item] = replace(nodes[item], status="ready")
        open_items.add(item)
    nodes[node.id] = replace(node, launched=launched, ahead=ahead)
    due = state.due
    if (node.settled == node.count or node.failed > tolerated) and node.id not in due:
        due = (*due, node.id)
    return state.but(nodes=nodes.finish(), agenda=state.agenda | open_items, due=due)


def item_settled(state: JobState, item: Node) -> JobState:
    parent = state.nodes[item.parent]
    if parent.status != "running":
        return state
    failed = parent.failed + int(item.status == "failed")
    ahead = parent.ahead + int(item.index >= parent.launched)
    return _launch(state, replace(parent, settled=parent.settled + 1, failed=failed, ahead=ahead))


def withdraw_items(state: JobState, node: Node) -> JobState:
    """Items that owe nothing when their map settles will not run; the others settle by themselves."""
    for index in range(node.count):
        item = state.nodes[f"{node.id}/{index}"]
        state = state if item.status in SETTLED or item.status == "running" else rest(state, item)
    return state
