"""Where the boxes of a graph go: layers from top to bottom, few crossings, no overlaps. Pure and deterministic.

The method is Sugiyama's: layers by longest path, long arrows led through dummies, barycentres for the order within a
layer, and for the places the order-preserving least squares (pool adjacent violators).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH, HEIGHT = 200, 56  # of a box
GAP_X, GAP_Y = 28, 44
MARGIN = 12
BEND = 10  # the room of an arrow that passes a layer
SWEEPS = 6
MOST_BENDS = 3_000

Arrow = tuple[str, str]
Point = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """A laid out graph.

    Args:
        width: of the whole.
        height: of the whole.
        places: the upper left corner of each box.
        routes: the points that each arrow goes through, from box to box.
    """

    width: int
    height: int
    places: Mapping[str, Point]
    routes: Mapping[Arrow, tuple[Point, ...]]


class TooTangled(ValueError):
    """So many long arrows that nobody could read the picture."""


@dataclass
class _Work:
    """Layers of boxes (names) and of bends (arrow and layer), with what is joined to what."""

    layers: list[list[object]]
    above: dict[object, list[object]] = field(default_factory=lambda: defaultdict(list))
    below: dict[object, list[object]] = field(default_factory=lambda: defaultdict(list))
    chains: dict[Arrow, list[object]] = field(default_factory=dict)


def lay_out(names: Sequence[str], arrows: Iterable[Arrow]) -> Layout:
    """Give every box its place.

    Args:
        names: the boxes, in an order that is kept where nothing speaks against it.
        arrows: (from, to). One that would close a circle, or names no box, is left out.

    Raises:
        TooTangled: the arrows bend more often than `MOST_BENDS`.
    """
    known = dict.fromkeys(names)
    kept = list(dict.fromkeys((a, b) for a, b in arrows if a in known and b in known and a != b))
    layer = _layers(list(known), kept)
    kept = [(a, b) for a, b in kept if layer[a] < layer[b]]
    work = _with_bends(list(known), kept, layer)
    _order(work)
    return _placed(work, _across(work), set(known))


def _layers(names: list[str], arrows: list[Arrow]) -> dict[str, int]:
    """The longest way from the top to each box; what stands in a circle comes last."""
    waits: dict[str, int] = dict.fromkeys(names, 0)
    following: dict[str, list[str]] = defaultdict(list)
    for source, target in arrows:
        waits[target] += 1
        following[source].append(target)
    layer: dict[str, int] = dict.fromkeys(names, 0)
    ready = [name for name in names if not waits[name]]
    for name in ready:  # grows while it is read
        for target in following[name]:
            layer[target] = max(layer[target], layer[name] + 1)
            waits[target] -= 1
            if not waits[target]:
                ready.append(target)
    return layer


def _with_bends(names: list[str], arrows: list[Arrow], layer: Mapping[str, int]) -> _Work:
    """The layers, with a bend wherever an arrow passes one."""
    if sum(layer[b] - layer[a] - 1 for a, b in arrows) > MOST_BENDS:
        raise TooTangled(f"the arrows pass more than {MOST_BENDS} layers")
    work = _Work([[] for _ in range(max(layer.values(), default=-1) + 1)])
    for name in names:
        work.layers[layer[name]].append(name)
    for source, target in arrows:
        bends: list[object] = [(source, target, each) for each in range(layer[source] + 1, layer[target])]
        for at, bend in enumerate(bends):
            work.layers[layer[source] + 1 + at].append(bend)
        chain = [source, *bends, target]
        work.chains[source, target] = chain
        for upper, lower in zip(chain, chain[1:], strict=False):
            work.below[upper].append(lower)
            work.above[lower].append(upper)
    return work


def _order(work: _Work) -> None:
    """Sort each layer by where its neighbours stand, down and up again; keep the order with the fewest crossings."""
    best, fewest = [list(each) for each in work.layers], _crossings(work)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        indexes = range(1, len(work.layers)) if down else range(len(work.layers) - 2, -1, -1)
        for index in indexes:
            beside = work.layers[index - 1 if down else index + 1]
            _sort(work.layers[index], beside, work.above if down else work.below)
        if (crossings := _crossings(work)) < fewest:
            best, fewest = [list(each) for each in work.layers], crossings
    work.layers = best


def _sort(layer: list[object], beside: list[object], joined: Mapping[object, list[object]]) -> None:
    stands = {each: at for at, each in enumerate(beside)}
    weights: dict[object, float] = {}
    for at, each in enumerate(layer):
        found = [stands[other] for other in joined.get(each, ())]
        weights[each] = sum(found) / len(found) if found else at
    layer.sort(key=lambda each: weights[each])


def _crossings(work: _Work) -> int:
    """How many pairs of arrows cross between neighbouring layers."""
    total = 0
    for upper, lower in zip(work.layers, work.layers[1:], strict=False):
        stands = {each: at for at, each in enumerate(lower)}
        seen: list[int] = []
        for each in upper:
            ends = sorted(stands[other] for other in work.below.get(each, ()))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _across(work: _Work) -> dict[object, float]:
    """The middle of everything, from left to right: near its neighbours, and never over the one beside it."""
    at: dict[object, float] = {}
    for layer in work.layers:
        at.update(_apart(layer, [0.0] * len(layer)))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        joined = work.above if down else work.below
        for layer in work.layers if down else reversed(work.layers):
            at.update(_apart(layer, [_wish(each, joined, at) for each in layer]))
    return at


def _wish(each: object, joined: Mapping[object, list[object]], at: Mapping[object, float]) -> float:
    found = [at[other] for other in joined.get(each, ())]
    return sum(found) / len(found) if found else at[each]


def _apart(layer: list[object], wishes: list[float]) -> dict[object, float]:
    """Places as near to the wishes as order and room allow."""
    offsets: list[float] = []
    for index, each in enumerate(layer):
        room = (_size(layer[index - 1]) + _size(each)) / 2 + GAP_X if index else 0.0
        offsets.append((offsets[-1] if offsets else 0.0) + room)
    blocks: list[tuple[float, int]] = []  # sum of what they wish, and how many
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    level = [total / count for total, count in blocks for _ in range(count)]
    return {each: level[index] + offsets[index] for index, each in enumerate(layer)}


def _size(each: object) -> int:
    return WIDTH if isinstance(each, str) else BEND


def _placed(work: _Work, at: Mapping[object, float], names: set[str]) -> Layout:
    left = min((at[each] - _size(each) / 2 for each in at), default=0.0)
    right = max((at[each] + _size(each) / 2 for each in at), default=0.0)
    x = {each: round(at[each] - left) + MARGIN for each in at}
    y = {each: MARGIN + row * (HEIGHT + GAP_Y) for row, layer in enumerate(work.layers) for each in layer}
    places = {name: (x[name] - WIDTH // 2, y[name]) for name in names}
    routes = {arrow: _route(chain, x, y) for arrow, chain in work.chains.items()}
    height = 2 * MARGIN + max(len(work.layers) * (HEIGHT + GAP_Y) - GAP_Y, 0)
    return Layout(round(right - left) + 2 * MARGIN, height, places, routes)


def _route(chain: list[object], x: Mapping[object, int], y: Mapping[object, int]) -> tuple[Point, ...]:
    first, *bends, last = chain
    points = [(x[first], y[first] + HEIGHT)]
    for bend in bends:
        points += [(x[bend], y[bend]), (x[bend], y[bend] + HEIGHT)]
    return (*points, (x[last], y[last]))
