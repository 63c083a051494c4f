"""Forgeries of a package, each with the place at which it must be found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forensics import standalone
from forensics.evidence import graph_of, prov_text
from forensics.standalone import APPROVALS, EVENTS, LEDGER, PARTS, canonical, link, sha256
from tests.forensics.package.packing import Copy

Change = Callable[[Copy], None]
LINED = (EVENTS, PARTS, LEDGER, APPROVALS)


@dataclass(frozen=True)
class Forgery:
    """One change of the files, and where it must be found."""

    name: str
    file: str
    change: Change
    line: int = 0
    seq: int = 0
    kinds: tuple[str, ...] = ()


def other(value: Any) -> Any:
    """A value of the same type, and another."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return ("1" if value[:1] != "1" else "2") + value[1:] if value else "x"
        case list():
            return [*value, "x"]
        case dict():
            return {**value, "x": 1}
        case None:
            return "x"
    return 0


def relink(copy: Copy) -> None:
    """Compute every digest and every link anew, as a forger does who owns the database."""
    events, last = copy.values(EVENTS), standalone.GENESIS
    for event in events:
        if event["raw"] is not None:
            event["digest"] = sha256(bytes.fromhex(event["salt"]) + event["raw"].encode("ascii"))
        event["prev"] = last
        event["hash"] = last = link(event)
    copy.put(EVENTS, events)
    head = {"seq": len(events), "hash": last}
    copy.manifest(lambda told: told.update(head=head))


def retell(copy: Copy) -> None:
    """Derive the evidence graph anew, as a forger does who knows our program."""
    parts = {line["sha256"]: json.loads(line["text"]) for line in copy.values(PARTS)}
    told = json.loads(copy.files[standalone.MANIFEST])
    graph = graph_of(copy.values(EVENTS), parts.get)
    copy.files[standalone.EVIDENCE] = "".join(prov_text(graph, told["head"])).encode()


def rewrite(copy: Copy, seq: int, **body: Any) -> None:
    """Another body for an event, with everything that follows computed anew."""

    def change(event: dict[str, Any]) -> None:
        event["body"] = {**event["body"], **body}
        event["raw"] = canonical(event["body"])

    copy.edit(EVENTS, seq, change)
    relink(copy)


def without(name: str, number: int) -> Change:
    """One line less."""

    def change(copy: Copy) -> None:
        values = copy.values(name)
        copy.put(name, values[: number - 1] + values[number:])

    return change


def twice(name: str, number: int) -> Change:
    """One line twice."""

    def change(copy: Copy) -> None:
        values = copy.values(name)
        copy.put(name, values[:number] + values[number - 1 :])

    return change


def swapped(name: str, number: int) -> Change:
    """A line and its successor, the other way round."""

    def change(copy: Copy) -> None:
        values = copy.values(name)
        values[number - 1], values[number] = values[number], values[number - 1]
        copy.put(name, values)

    return change


def field(name: str, number: int, member: str) -> Change:
    """Another value for one member of one line."""
    return lambda copy: copy.edit(name, number, lambda line: {**line, member: other(line[member])})


def spaced(name: str, number: int) -> Change:
    """The same value of one line, written otherwise."""

    def change(copy: Copy) -> None:
        lines = copy.files[name].splitlines()
        lines[number - 1] = json.dumps(json.loads(lines[number - 1]), sort_keys=True).encode()
        copy.files[name] = b"\n".join(lines) + b"\n"

    return change


def of_lines(copy: Copy) -> list[Forgery]:
    """Every line of every file removed, doubled, moved, respelt; every member of every line changed."""
    found = []
    for name in LINED:
        values = copy.values(name)
        for number, value in enumerate(values, 1):
            seq = number if name == EVENTS else 0
            found.append(Forgery(f"{name} line {number} removed", name, without(name, number)))
            found.append(Forgery(f"{name} line {number} twice", name, twice(name, number)))
            found.append(
                Forgery(f"{name} line {number} with spaces", name, spaced(name, number), line=number)
            )
            if number < len(values):
                found.append(Forgery(f"{name} line {number} moved", name, swapped(name, number)))
            found += [
                Forgery(f"{name} line {number}: {member}", name, field(name, number, member), number, seq)
                for member in value
            ]
    return found
