"""The graph as a picture: SVG, the same text for the same graph, causes on the left of what came of them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .walking import Graph

Nodes = Sequence[Mapping[str, Any]]
MOST = 300  # nodes that are drawn one by one
ARROWS = 2000  # that are drawn: a picture of more says nothing, and a job may have as many as it has pairs of values
LONG = 24  # columns that an arrow passes between others; a longer one goes straight
WIDE, HIGH, ACROSS, DOWN, EDGE = 190, 46, 260, 66, 24
COLOURS = {
    "person": "#fde9c8", "agent": "#e7e3f4", "model": "#e7e3f4", "document": "#d9ecd9", "request": "#fff7d6",
    "plan": "#f0f0f0", "tool": "#d8e8f8", "model_call": "#e3d8f4", "approval": "#fbdcc4", "question": "#fdeee2",
    "vote": "#fbdcc4", "signal": "#fff7d6", "message": "#fff7d6", "output": "#cfe9e5", "job": "#eeeeee",
}  # fmt: skip
STROKES = {"declared": "", "observed": ' stroke-dasharray="7 4"', "order": ' stroke-dasharray="2 4"'}
TOLD = ("answered", "tool", "document", "question", "name", "decision", "state", "agent", "step")
HIDDEN = frozenset({"planned"})  # drawn only where nothing else leads to the step
SMALL = 'font-size="10" fill="#555"'  # no style sheet: a page that forbids inline styles shows the picture all the same


def svg(graph: Graph) -> str:
    """The picture of a graph.

    Args:
        graph: as `Evidence.json` gives it.

    Returns:
        An SVG document. Above `MOST` nodes, those of one kind and tool become one box, and a note says so.
    """
    nodes, edges, note = _collapsed(graph)
    if len(edges) > ARROWS:
        note = f"{ARROWS} of {len(edges)} arrows are drawn; the JSON has them all.   {note}"
        edges = edges[:ARROWS]
    places, high = _places(nodes, edges)
    width = EDGE * 2 + WIDE + ACROSS * max((x for x, _ in places.values()), default=0)
    height = EDGE * 2 + 34 + DOWN * max(high, 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui,sans-serif" font-size="12" fill="#222">',
        f"<title>Evidence of job {_text(graph.get('job') or '')}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
        f'<text x="{EDGE}" y="18" {SMALL}>{_text(note)}</text>',
        '<g fill="none" stroke="#667" stroke-width="1.2">',
        *(_edge(edge, places) for edge in edges),
        "</g>",
        *(_box(node, places[node["id"]]) for node in nodes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _collapsed(graph: Graph) -> tuple[Nodes, Nodes, str]:
    nodes, said = (
        list(graph["nodes"]),
        "solid: declared   dashed: observed from values   dotted: known to the code before",
    )
    if len(nodes) <= MOST:
        return nodes, _visible(graph["edges"]), said
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for each in nodes:
        name = each.get("tool") or (each.get("answered") if each["kind"] == "model_call" else "")
        groups[f"{each['kind']} {name or ''}".strip()].append(each)
    groups = dict(sorted(groups.items(), key=lambda group: (group[1][0]["seq"], group[0])))
    place = {each["id"]: f"group/{name}" for name, some in groups.items() for each in some}
    drawn = [{**some[0], "id": f"group/{name}", "count": len(some)} for name, some in groups.items()]
    found = {(place[each["from"]], place[each["to"]], each["how"]): each for each in _visible(graph["edges"])}
    edges = [
        {**each, "from": one, "to": other} for (one, other, _), each in sorted(found.items()) if one != other
    ]
    return (
        drawn[:MOST],
        edges,
        f"{len(nodes)} nodes, drawn as one box for each kind and tool; the JSON has them all.   {said}",
    )


def _visible(edges: Nodes) -> Nodes:
    led = {each["from"] for each in edges if each["kind"] not in HIDDEN}
    return [each for each in edges if each["kind"] not in HIDDEN or each["from"] not in led]


def _layers(nodes: Nodes, edges: Nodes) -> dict[str, int]:
    """The column of each node: right of every cause; what has no cause stands beside the first that came of it."""
    causes: dict[str, list[str]] = defaultdict(list)
    effects: dict[str, list[str]] = defaultdict(list)
    for each in edges:
        causes[each["from"]].append(each["to"])
        effects[each["to"]].append(each["from"])
    layers: dict[str, int] = {}
    for key in _in_order([each["id"] for each in nodes], causes):
        layers[key] = max((layers[each] + 1 for each in causes[key] if each in layers), default=0)
    for each in nodes:
        later = [layers[effect] for effect in effects[each["id"]] if effect in layers]
        if not causes[each["id"]] and later:
            layers[each["id"]] = max(0, min(later) - 1)
    return layers


def _places(nodes: Nodes, edges: Nodes) -> tuple[dict[str, tuple[int, int]], int]:
    """Column and row of each node, and of the points by which an edge passes the columns between its ends."""
    layers = _layers(nodes, edges)
    columns: dict[int, dict[str, str]] = defaultdict(
        dict
    )  # what stands there, and what it is to stand beside
    before: dict[str, list[str]] = defaultdict(list)
    for each in nodes:
        columns[layers[each["id"]]].setdefault(each["id"], "")
    for each in edges:
        last = each["to"]
        for column in _between(layers.get(last, 0), layers.get(each["from"], 0)):
            columns[column].setdefault(f"{each['to']} @{column}", "")
            before[f"{each['to']} @{column}"].append(last)
            last = f"{each['to']} @{column}"
        before[each["from"]].append(last)
    rows: dict[str, int] = {}
    for column in sorted(columns):
        wish = {key: _middle([rows[each] for each in before[key] if each in rows]) for key in columns[column]}
        for number, key in enumerate(sorted(columns[column], key=lambda each: wish[each])):
            rows[key] = number
    where = {key: (column, rows[key]) for column, keys in columns.items() for key in keys}
    return where, max((len(each) for each in columns.values()), default=0)


def _between(first: int, last: int) -> range:
    """The columns between the ends of an arrow."""
    return range(first + 1, last if last - first <= LONG else first + 1)


def _in_order(keys: list[str], causes: Mapping[str, list[str]]) -> list[str]:
    """Causes before what came of them, as far as boxes that stand for many allow it."""
    done: dict[str, None] = {}
    for key in keys:
        stack = [(key, False)]
        on_way: set[str] = set()
        while stack:
            each, back = stack.pop()
            if back:
                done.setdefault(each)
            elif each not in done and each not in on_way:
                on_way.add(each)
                stack.append((each, True))
                stack.extend((other, False) for other in reversed(causes.get(each, [])))
    known = set(keys)
    return [each for each in done if each in known]


def _middle(rows: list[int]) -> float:
    return sum(rows) / len(rows) if rows else 1e9


def _text(value: Any) -> str:
    clean = "".join(
        each if each.isprintable() and not "\ud800" <= each <= "\udfff" else " " for each in str(value)
    )
    return escape(clean, quote=True)


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return EDGE + place[0] * ACROSS, EDGE + 10 + place[1] * DOWN


def _box(node: Mapping[str, Any], place: tuple[int, int]) -> str:
    x, y = _corner(place)
    fill = COLOURS.get(node["kind"], "#f0f0f0")
    kind = node["kind"].replace("_", " ") + (f" × {node['count']}" if "count" in node else "")
    marks = "".join(f", {name}" for name in ("erased", "withheld") if node.get(name))
    name = next((str(node[each]) for each in TOLD if node.get(each)), node["id"])
    shown = name if len(name) <= 27 else name[:26] + "…"
    more = "\n".join(f"{key}: {value}" for key, value in sorted(node.items()))
    acts = node["kind"] == "tool" and node.get("effect") not in (None, "pure")
    stroke = 'stroke="#b3261e" stroke-width="2"' if acts else 'stroke="#99a"'
    return (
        f'<g><title>{_title(more)}</title><rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="6" fill="{fill}" {stroke}/>'
        f'<text x="{x + 10}" y="{y + 17}" {SMALL}>{_text(kind + marks)}</text>'
        f'<text x="{x + 10}" y="{y + 35}">{_text(shown)}</text></g>'
    )


def _title(text: str) -> str:
    return "&#10;".join(_text(line) for line in text.split("\n"))


def _edge(edge: Mapping[str, Any], places: Mapping[str, tuple[int, int]]) -> str:
    if edge["from"] not in places or edge["to"] not in places:
        return ""
    (first, _), (last, _) = places[edge["to"]], places[edge["from"]]
    x, y = _corner(places[edge["to"]])
    path, x, y = f"M{x + WIDE} {y + HIGH // 2}", x + WIDE, y + HIGH // 2
    for column in _between(first, last):
        near, high = _corner(places[f"{edge['to']} @{column}"])
        path += _curve(x, y, near, high + HIGH // 2) + f"H{near + WIDE}"
        x, y = near + WIDE, high + HIGH // 2
    near, high = _corner(places[edge["from"]])
    path += _curve(x, y, near, high + HIGH // 2)
    said = f"{edge['kind']} ({edge['how']}) {edge['via']}".strip()
    return (
        f'<path d="{path}" marker-end="url(#tip)"{STROKES[edge["how"]]}><title>{_title(said)}</title></path>'
    )


def _curve(x: int, y: int, to: int, high: int) -> str:
    bend = max(30, abs(to - x) // 2)
    return f"C{x + bend} {y} {to - bend} {high} {to} {high}"
