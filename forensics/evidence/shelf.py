"""Several evidence packages beside one another, and questions that go from the job of one to the jobs of others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..standalone import EVENTS, Report, Verifier, Wishes
from .crossing import Map
from .journey import Absent, Journey
from .packages import meant, opened
from .walking import BACK, FORWARD, Graph, named, walked

MISSING = Absent("missing", "no package of this job was given; `aetheris export` writes one")
EFFECTS = frozenset({"tool", "model_call", "compensation", "approval", "child", "output", "job", "send"})


class Unequal(ValueError):
    """Two packages of one job of which neither goes on from the other."""


@dataclass(frozen=True)
class Packed:
    """A package that verifies.

    Args:
        path: of the file.
        graph: that its events tell.
        head: `{seq, hash}` of the event that it reaches.
    """

    path: str
    graph: Graph
    head: Mapping[str, Any]


class Shelf:
    """Packages by their jobs; a source of graphs for walks."""

    def __init__(self) -> None:
        self._packed: dict[str, Packed] = {}
        self._named: dict[str, set[str]] = {}

    def put(self, path: Path | str, wishes: Wishes) -> tuple[Report, Packed | None]:
        """Verify a package and put it on the shelf; of two of one job the longer stays.

        Args:
            path: the file.
            wishes: keys to pin.

        Returns:
            The verdict, and the package if it is whole.

        Raises:
            OSError: it cannot be read.
            Unequal: another package of the job tells another history.
        """
        report, built = opened(path, wishes)
        if built is None or not report.ok:
            return report, None
        new = Packed(str(path), built.json(), report.facts["head"])
        job = str(new.graph["job"])
        other = self._packed.get(job)
        if other is None:
            self._keep(job, new)
        elif _goes_on(new, other):
            self._keep(job, new)
        elif not _goes_on(other, new):
            raise Unequal(
                f"{other.path} and {path} tell two histories of job {job}: one of them is not the whole truth"
            )
        return report, new

    def _keep(self, job: str, packed: Packed) -> None:
        self._packed[job] = packed
        for other in Map(packed.graph).to:
            self._named.setdefault(other, set()).add(job)

    def get(self, job: str) -> Packed | None:
        """The package of a job."""
        return self._packed.get(job)

    def __iter__(self) -> Any:
        return iter(self._packed)

    def graph(self, job: str) -> Graph | Absent:
        """The graph of a job, if its package is here."""
        found = self._packed.get(job)
        return found.graph if found else MISSING

    def kin(self, job: str) -> Iterable[str]:
        """The jobs here that name one as where something came from."""
        return sorted(self._named.get(job, ()))


def _goes_on(longer: Packed, other: Packed) -> bool:
    """Whether one package holds the history of another, and perhaps more."""
    if longer.head["seq"] < other.head["seq"]:
        return False
    with open(longer.path, "rb") as file:
        checker = Verifier(file, Wishes())
        checker.form()
        there = (
            each["hash"] for number, each in checker.package.lines(EVENTS) if number == other.head["seq"]
        )
        return next(there, None) == other.head["hash"]


def why_in(shelf: Shelf, job: str, word: str) -> dict[str, Any] | None:
    """What an effect came of, in its job and in the others of which there is a package.

    Args:
        shelf: the packages.
        job: the effect's, of which there is one.
        word: id of a node, step, invocation, approval, a key, or a text that a tool returned.

    Returns:
        As `GET /api/forensics/why` answers; None where nothing is meant by the word.
    """
    packed = shelf.get(job)
    starts = meant(packed.path, dict(packed.graph), word) if packed else []
    if packed is None or not starts:
        return None
    journey = Journey(shelf, BACK)
    found = journey.walk((job, each) for each in starts)
    others = [each for each in found if each != job]
    across = {"results": journey.told(found, others), "links": journey.told_links([job, *others]),
              "absent": journey.told_absent(), "cut": journey.cut}  # fmt: skip
    return {**walked(packed.graph, starts, BACK, found[job]), "across": across}


def followed_in(shelf: Shelf, kind: str, word: str) -> list[dict[str, Any]]:
    """What followed from a document, a person or a model, in every job that names it and in those to which that leads.

    Args:
        shelf: the packages.
        kind: document, person or model.
        word: its id, name, digest, or version.

    Returns:
        As the results of `GET /api/forensics/followed`.
    """
    told = []
    for job in sorted(shelf, reverse=True):
        packed = shelf.get(job)
        starts = named(packed.graph, kind, word) if packed else []
        if packed is not None and starts:
            told.append(_followed(shelf, job, packed.graph, starts))
    return told


def _followed(shelf: Shelf, job: str, graph: Graph, starts: list[str]) -> dict[str, Any]:
    journey = Journey(shelf, FORWARD)
    reached = journey.walk((job, each) for each in starts)
    found = walked(graph, starts, FORWARD, reached[job])
    effects = [each for each in _effects(found["nodes"]) if each["id"] not in starts]
    further = [
        {"job": each["job"], "agent": each["agent"], "version": each["version"], "status": "", "distance": each["distance"],
         "state": "shown", "why": "", "effects": _effects(each["nodes"])}
        for each in journey.told(reached, [each for each in reached if each != job])
    ]  # fmt: skip
    hidden = [{**each, "agent": "", "version": "", "status": "", "distance": None, "effects": []}
              for each in journey.told_absent()]  # fmt: skip
    return {
        "job": job, "agent": graph["agent"], "version": graph["version"], "status": "", "of": starts, "effects": effects,
        "beyond": found["beyond"], "across": [*further, *hidden], "cut": journey.cut, "problem": None,
    }  # fmt: skip


def _effects(nodes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in nodes if each["kind"] in EFFECTS]
