"""`evidence`, `who`: what led to what; of a job by the server, or of a package by the file alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from .failures import Failure, Missing
from .options import Verb
from .output import Columns, document, heading, note, record, table
from .packages import Wish, is_package, verified_graph
from .paths import job_path
from .session import Session
from .words import clean, clip, compact, moment

WIDTH = 70
FORMATS = ("table", "json", "prov", "svg")
KEYS = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="PUB",
    help="Of a file: public key that may have signed; repeatable.",
)
PACKAGE = click.option(
    "--package", default="", metavar="FILE.zip", help="Ask this evidence package, without a server."
)

_NODES: Columns = {
    "Seq": lambda each: str(each["seq"]),
    "At": lambda each: moment(each["at"]),
    "Node": lambda each: clip(str(each["id"]), 48),
    "Kind": lambda each: str(each["kind"]),
    "Says": lambda each: clip(_said(each), WIDTH),
}
WALKED: Columns = {**_NODES, "Known": lambda each: str(each["how"])}
_EDGES: Columns = {
    "Effect": lambda each: clip(str(each["from"]), 48),
    "Came of": lambda each: clip(str(each["to"]), 48),
    "By": lambda each: f"{each['kind']} ({each['how']})",
    "Where": lambda each: clip(str(each["via"]), WIDTH),
}
_GROUNDS: Columns = {
    "What": lambda each: str(each["what"]),
    "Which": lambda each: clip(_said(each), WIDTH),
    "Event": lambda each: str(each["seq"]),
    "Known": lambda each: str(each["how"]),
}


def _said(node: Mapping[str, Any]) -> str:
    names = (
        "answered",
        "tool",
        "document",
        "name",
        "question",
        "decision",
        "agent",
        "state",
        "result",
        "digest",
        "comment",
    )
    words = [
        str(node[each])[:16] + "…" if each in ("result", "digest") else str(node[each])
        for each in names
        if node.get(each)
    ]
    return " ".join([*words, *(each for each in ("erased", "withheld") if node.get(each))])


@click.command(cls=Verb, example="aetheris evidence 0197c1a2-… --format svg -o evidence.svg")
@click.argument("job", metavar="JOB|FILE.zip")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=None, help="[default: table, or json with --json]"
)
@click.option("-o", "--output", "out", default="", metavar="FILE", help="Write to this file.")
@click.option(
    "--why", "of", default="", metavar="WHAT", help="Only what led to this: a node, step, key or reference."
)
@KEYS
@click.pass_obj
def evidence(
    session: Session, /, job: str, form: str | None, out: str, of: str, keys: tuple[str, ...]
) -> None:
    """Show what led to what in a job, or in an evidence package.

    A file needs no server, and is verified first.
    """
    shape = form or ("json" if session.json else "table")
    if shape == "prov" and of:
        raise click.UsageError("--format prov is of the whole job; leave --why out")
    text, graph = _graph(session, job, shape, of, keys)
    if graph is not None and shape == "table" and not out:
        show(graph)
        return
    _put(text if graph is None else json.dumps(graph, indent=2) + "\n", out)


def _graph(
    session: Session, job: str, shape: str, of: str, keys: tuple[str, ...]
) -> tuple[str, dict[str, Any] | None]:
    """The answer as text, or as a graph."""
    if is_package(job):
        graph, head, built = verified_graph(Wish(job, keys=keys))
        if shape == "prov":
            from forensics.evidence import prov_text

            return "".join(prov_text(built, head)), None
        graph = _why_of(job, graph, of) if of else graph
    elif shape == "prov":
        return json.dumps(
            session.api().get(f"{job_path(job)}/evidence", format="prov"), indent=2
        ) + "\n", None
    else:
        graph = dict(session.api().get("/api/forensics/why", job=job, of=of) if of
                     else session.api().get(f"{job_path(job)}/evidence"))  # fmt: skip
    if shape == "svg":
        from forensics.evidence.drawing import svg

        return svg(graph), None
    return "", graph


def _why_of(name: str, graph: dict[str, Any], word: str) -> dict[str, Any]:
    from forensics.evidence import BACK, packages, walked

    starts = packages.meant(name, graph, word)
    if not starts:
        raise Missing(f"Nothing in {name} is meant by {word!r}", code="not_found")
    return walked(graph, starts, BACK)


def _put(text: str, out: str) -> None:
    if not out:
        click.echo(text, nl=False)
        return
    try:
        Path(out).write_text(text, "utf-8")
    except OSError as error:
        raise click.UsageError(f"{out} cannot be written: {error.strerror}") from error
    note(f"Written to {out}.")


def show(graph: Mapping[str, Any], *, beyond: bool = True) -> None:
    """A graph, or a part of one, as tables; `beyond`: whether to say that it goes on in other jobs."""
    table(graph["nodes"], WALKED if "of" in graph else _NODES, empty="Nothing is on record.")
    heading("What came of what")
    table(graph["edges"], _EDGES, empty="Nothing came of anything yet.")
    if beyond and graph.get("beyond"):
        note(f"More led here from {', '.join(graph['beyond'])}.")


@click.command(cls=Verb, example="aetheris who refund:A-1001")
@click.argument("word", metavar="KEY|INVOCATION|REFERENCE")
@PACKAGE
@KEYS
@click.pass_obj
def who(session: Session, /, word: str, package: str, keys: tuple[str, ...]) -> None:
    """Say who had the AI do something: who, when, which step, based on what.

    What is given is an idempotency or business key, the id of a line in the ledger, or something that the tool returned.
    """
    found = _of_package(package, word, keys) if package else _of_server(session, word)
    if session.json:
        document({"results": found})
        return
    for each in found:
        _answer(each)


def _of_package(name: str, word: str, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    from forensics.evidence import packages
    from forensics.evidence import who as asked

    graph, _, _ = verified_graph(Wish(name, keys=keys))
    starts = packages.meant(name, graph, word)
    if not starts:
        raise Missing(f"Nothing in {name} is meant by {word!r}", code="not_found")
    return [asked(graph, each) for each in starts]


def _of_server(session: Session, word: str) -> list[dict[str, Any]]:
    """By key, else as an id of the ledger, else as a reference."""
    api = session.api()
    names = ("key", "invocation", "reference") if _is_id(word) else ("key", "reference")
    for name in names:
        try:
            return list(api.get("/api/forensics/who", **{name: word})["results"])
        except Failure as failure:
            if failure.exit_code != 3 or name == names[-1]:
                raise
    return []


def _is_id(word: str) -> bool:
    return len(word) == 36 and word.count("-") == 4


def _answer(told: Mapping[str, Any]) -> None:
    effect, asked = told["effect"], told["submitted_by"] or {}
    click.echo(clean(told["sentence"]))
    record({
        "Job": f"{told['job']}, {told['agent']['name']}@{told['agent']['version']}",
        "Submitted by": f"{asked.get('name', 'nobody')}, {moment(asked.get('at'))}",
        "Effect": f"{effect.get('tool') or effect['kind']} in step {effect.get('step', '')}: {effect.get('state', '')}",
        "Key": str(effect.get("business_key") or effect.get("key") or ""),
        "Invocation": str(effect.get("invocation") or ""),
        "Attempt": str(effect.get("attempts") or ""),
        "At": moment(effect.get("settled_at") or effect["at"]),
        "Result": compact(effect.get("result")),
    })  # fmt: skip
    votes = [
        {**each, "what": "person", "name": f"{each['name'] or 'nobody'}, who saw {each['saw']}:"}
        for each in told["approved_by"]
    ]
    grounds = [
        {**each, "what": name.removesuffix("s")} for name, some in told["based_on"].items() for each in some
    ]
    table([*votes, *grounds], _GROUNDS, empty="It rests on nothing that is on record.")
