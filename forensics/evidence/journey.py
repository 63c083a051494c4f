"""Back to causes and forward to effects through the graphs of several jobs, as far as one may see and afford. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .crossing import Map, Way
from .walking import BACK, HOWS, Graph, Reached, part_of

JOBS, NODES = 50, 5000  # of one walk, unless told otherwise

Place = tuple[
    str, str, bool
]  # a job; a node of it; whether it is only half of it: see `Way.asks` and `Way.answers`
Step = tuple[Place, str]  # where to, and how that is known


@dataclass(frozen=True)
class Absent:
    """A job to which a walk leads and whose graph is not shown.

    Args:
        state: withheld (not there, or not for this viewer), pruned, missing (no package of it), broken, or cut (too many).
        why: in words.
    """

    state: str
    why: str


class Source(Protocol):
    """Where the graphs of jobs come from."""

    def graph(self, job: str) -> Graph | Absent:
        """The graph of a job, if the viewer may see it."""

    def kin(self, job: str) -> Iterable[str]:
        """Jobs that may have come of one, beside those that it names."""


CUT = Absent("cut", "the walk ends here: it has come to as many jobs as one walk may")


@dataclass
class Journey:
    """One walk.

    Args:
        source: gives graphs.
        way: `BACK` or `FORWARD`.
        jobs: how many at most.
        nodes: how many at most.
    """

    source: Source
    way: tuple[str, str]
    jobs: int = JOBS
    nodes: int = NODES
    cut: bool = False
    maps: dict[str, Map] = field(default_factory=dict)
    absent: dict[str, Absent] = field(default_factory=dict)
    links: dict[tuple[str, str, str, str, str], Way] = field(default_factory=dict)
    _known: dict[str, Map | Absent] = field(default_factory=dict)
    _kin: dict[str, list[str]] = field(default_factory=dict)

    def walk(self, starts: Iterable[tuple[str, str]]) -> dict[str, dict[str, Reached]]:
        """Everything that it comes to.

        Args:
            starts: job and node each.

        Returns:
            By job, the nearest first: each node with its distance, and how that is known: the weakest arrow of the strongest
            way. `absent` has the jobs that are not shown, `links` the arrows between jobs, `cut` says whether it ended early.
        """
        first = [(job, node, False) for job, node in starts]
        arrows = self._explored(first)
        found: dict[tuple[str, str], Reached] = {}
        for number, how in enumerate(HOWS):
            for (job, node, _), far in _distances(first, arrows, HOWS[: number + 1]).items():
                found.setdefault((job, node), Reached(node, far, how))
        by_job: dict[str, dict[str, Reached]] = {}
        for (job, node), each in sorted(found.items(), key=lambda item: (item[1].distance, item[0])):
            by_job.setdefault(job, {})[node] = each
        self.absent = {job: each for job, each in self.absent.items() if job not in by_job}
        return by_job

    def _explored(self, first: list[Place]) -> dict[Place, list[Step]]:
        """Every place with its arrows, in the order in which they are come to."""
        arrows: dict[Place, list[Step]] = {}
        seen, queue = set(first), list(first)
        for place in queue:
            arrows[place] = [step for step in self._next(place) if self._come_to(step[0], seen, queue)]
        return arrows

    def _come_to(self, place: Place, seen: set[Place], queue: list[Place]) -> bool:
        """Note a place, unless the walk has come to as many as it may."""
        if place in seen:
            return True
        if len(seen) >= self.nodes:
            self.cut = True
            return False
        seen.add(place)
        queue.append(place)
        return True

    def _next(self, place: Place) -> Iterator[Step]:
        here = self._map(place[0])
        if here is None:
            return
        yield from self._back(place, here) if self.way == BACK else self._forward(place, here)

    def _back(self, place: Place, here: Map) -> Iterator[Step]:
        job, node, half = place
        for edge in here.out.get(node, ()):
            if not (half and edge["kind"] == "child"):  # the child answered after it was asked
                yield (job, edge["to"], False), edge["how"]
        for way in here.ways.get(node, ()):
            if half and way.answers:
                continue
            there = self._map(way.job)
            for end in there.ends_of(way, job) if there else ():
                self._link(job, node, way, end)
                yield (way.job, end, way.asks), way.how

    def _forward(self, place: Place, here: Map) -> Iterator[Step]:
        job, node, half = place
        for edge in here.into.get(node, ()):
            yield (job, edge["from"], False), edge["how"]
        hidden = self._hidden(place, here)
        for other in self._kin_of(job, here):
            there = self._map(other, told=other in hidden)
            for way in there.to.get(job, ()) if there else ():
                if not (half and way.asks) and node in here.ends_of(way, other):
                    self._link(other, way.effect, way, node)
                    yield (other, way.effect, way.answers), way.how

    def _hidden(self, place: Place, here: Map) -> set[str]:
        """The jobs that came of a node, as far as this graph says: where they are not shown, that is told."""
        job, node, half = place
        named = here.others()
        found = {each for each in self._kin_of(job, here) if each not in named}
        if node.startswith("job/"):
            found.add(node.partition("/")[2])
        asked = () if half else here.out.get(node, ())
        found |= {
            edge["to"].partition("/")[2] for edge in asked if edge["kind"] == "child" and node != "request"
        }
        if node == "output":
            found |= {way.job for way in here.ways.get("request", ()) if way.asks}
        return found

    def _kin_of(self, job: str, here: Map) -> list[str]:
        if job not in self._kin:
            self._kin[job] = sorted({*here.others(), *self.source.kin(job)} - {job})
        return self._kin[job]

    def _map(self, job: str, *, told: bool = True) -> Map | None:
        found = self._known.get(job)
        if found is None:
            full = len(self.maps) >= self.jobs
            graph = CUT if full else self.source.graph(job)
            found = graph if isinstance(graph, Absent) else Map(graph)
            self._known[job] = found
            if isinstance(found, Map):
                self.maps[job] = found
        if isinstance(found, Map):
            return found
        if told:
            self.absent[job] = found
            self.cut = self.cut or found.state == "cut"
        return None

    def _link(self, job: str, effect: str, way: Way, cause: str) -> None:
        self.links[job, effect, way.job, cause, way.kind] = way

    def told(self, by_job: Mapping[str, Mapping[str, Reached]], jobs: Iterable[str]) -> list[dict[str, Any]]:
        """Parts of graphs as clients see them.

        Args:
            by_job: what was come to.
            jobs: which of them.
        """
        return [self._part(job, by_job[job]) for job in jobs]

    def _part(self, job: str, ways: Mapping[str, Reached]) -> dict[str, Any]:
        part = part_of(self.maps[job].graph, ways)
        nodes = [
            {**each, "distance": ways[each["id"]].distance, "how": ways[each["id"]].how}
            for each in part["nodes"]
        ]
        return {**part, "nodes": nodes, "distance": min(each.distance for each in ways.values())}

    def told_links(self, jobs: Iterable[str]) -> list[dict[str, Any]]:
        """The arrows between jobs that have an end in some of them, from what came of something to what it came of."""
        kept = set(jobs)
        return [
            {"from": {"job": job, "node": effect}, "to": {"job": other, "node": cause}, "kind": kind, "how": way.how,
             "via": way.via}
            for (job, effect, other, cause, kind), way in sorted(self.links.items()) if job in kept or other in kept
        ]  # fmt: skip

    def told_absent(self) -> list[dict[str, Any]]:
        """The jobs to which it leads and that are not shown."""
        return [
            {"job": job, "state": each.state, "why": each.why} for job, each in sorted(self.absent.items())
        ]


def _distances(
    first: list[Place], arrows: Mapping[Place, list[Step]], hows: Iterable[str]
) -> dict[Place, int]:
    allowed = set(hows)
    found = dict.fromkeys(first, 0)
    turn = list(found)
    for place in turn:
        for there, how in arrows.get(place, ()):
            if how in allowed and there not in found:
                found[there] = found[place] + 1
                turn.append(there)
    return found
