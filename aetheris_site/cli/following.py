"""`why` and `followed`: back to causes and forward to effects, from job to job; by the server, or in packages alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import click

from .evidencing import KEYS, WALKED, show
from .failures import Failure, Missing
from .options import Verb
from .output import Columns, document, heading, note, table
from .packages import is_package
from .pins import own_keys
from .session import Session
from .words import clean, clip

if TYPE_CHECKING:
    from forensics.evidence.shelf import Shelf

JOBS = 20
PACKAGES = click.option(
    "--package",
    "packages",
    multiple=True,
    metavar="FILE.zip",
    help="Ask evidence packages, without a server; repeatable.",
)
LIMIT = click.option(
    "--limit", type=click.IntRange(1), default=JOBS, show_default=True, help="At most so many jobs."
)
_OF_JOB: Columns = {"Job": lambda each: str(each["job"]), **WALKED}
_LINKS: Columns = {
    "Effect": lambda each: _place(each["from"]),
    "Came of": lambda each: _place(each["to"]),
    "By": lambda each: f"{each['kind']} ({each['how']})",
    "Where": lambda each: clip(str(each["via"]), 40),
}
_ABSENT: Columns = {
    "Job": lambda each: str(each["job"]),
    "Not shown": lambda each: str(each["state"]),
    "Why": lambda each: clip(str(each["why"]), 90),
}


def _place(place: Mapping[str, str]) -> str:
    return f"{clip(place['node'], 40)} of {place['job']}"


@click.command(cls=Verb, example="aetheris why 0197c1a2-… pay")
@click.argument("job", metavar="JOB|FILE.zip")
@click.argument("of", metavar="WHAT")
@PACKAGES
@KEYS
@LIMIT
@click.pass_obj
def why(
    session: Session, /, job: str, of: str, packages: tuple[str, ...], keys: tuple[str, ...], limit: int
) -> None:
    """Walk back from an effect to everything that it came of, in its job and in others.

    WHAT is a node, a step, an approval, a key, or something that a tool returned.
    """
    told = (
        _packed_why(job, of, packages, keys)
        if packages or is_package(job)
        else _stored_why(session, job, of, limit)
    )
    if session.json:
        document(told)
        return
    show(told, beyond=False)
    across = told["across"]
    if across["results"] or across["absent"]:
        heading("In other jobs")
        rows = [{**each, "job": part["job"]} for part in across["results"] for each in part["nodes"]]
        table(rows, _OF_JOB, empty="Nothing of them is shown.")
        table(across["links"], _LINKS, empty="")
    _gaps(across["absent"], cut=across["cut"])


def _gaps(absent: list[dict[str, Any]], *, cut: bool) -> None:
    if absent:
        table(absent, _ABSENT, empty="")
    if cut:
        note("The walk ended early: more jobs than one walk may read.")


def _stored_why(session: Session, job: str, of: str, limit: int) -> dict[str, Any]:
    """The answer with the pages of `across` put together."""
    told: dict[str, Any] = {}
    for page in _pages(session, {"job": job, "of": of, "limit": str(min(limit, JOBS))}):
        told = told or {**page, "across": {**page["across"], "results": [], "links": []}}
        across = told["across"]
        across["results"] += page["across"]["results"]
        across["links"] += [each for each in page["across"]["links"] if each not in across["links"]]
        across["next"] = page["across"]["next"]
        if len(across["results"]) >= limit:
            break
    across = told["across"]
    if across.pop("next"):
        note(f"More jobs led here; --limit shows more than {limit}.")
    across.pop("previous", None)
    return told


def _pages(session: Session, query: dict[str, str]) -> Iterator[dict[str, Any]]:
    api = session.api()
    while True:
        page = dict(api.get("/api/forensics/why", **query))
        yield page
        if not page["across"].get("next"):
            return
        query = dict(parse_qsl(urlsplit(str(page["across"]["next"])).query))


def _packed_why(job: str, of: str, names: tuple[str, ...], keys: tuple[str, ...]) -> dict[str, Any]:
    from forensics.evidence.shelf import why_in

    own = (job,) if is_package(job) else ()
    shelf, jobs = _shelf((*own, *names), keys)
    start = jobs[0] if own else job
    if shelf.get(start) is None:
        raise Missing(f"None of these packages is of job {start}", code="not_found")
    told = why_in(shelf, start, of)
    if told is None:
        raise Missing(f"Nothing in {job} is meant by {of!r}", code="not_found")
    return told


def _shelf(names: tuple[str, ...], keys: tuple[str, ...]) -> tuple[Shelf, list[str]]:
    """The packages, each verified; and the job of each.

    Raises:
        Failure: one is broken, or two tell different histories.
        click.UsageError: a file or a key cannot be read.
    """
    from forensics.evidence.packages import Wishes, given_keys
    from forensics.evidence.shelf import Shelf, Unequal

    shelf, jobs = Shelf(), []
    try:
        wishes = Wishes(given_keys(list(keys)) if keys else tuple(own_keys(os.environ, Path.cwd())))
    except ValueError as error:
        raise click.UsageError(f"a key cannot be used: {error}") from error
    for name in names:
        try:
            report, packed = shelf.put(name, wishes)
        except OSError as error:
            raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
        except Unequal as error:
            raise Failure(str(error), code="two_histories") from error
        if packed is None:
            code = report.problem.kind if report.problem else "undecided"
            raise Failure(clean(f"{name} is broken: {report.problem}"), code=code)
        jobs.append(str(packed.graph["job"]))
    return shelf, jobs


@click.command(cls=Verb, example="aetheris followed --document policy-7 --since 30d")
@click.option(
    "--document", "document_id", metavar="ID", help="What came of this document: its id, or its digest."
)
@click.option("--person", metavar="NAME", help="What came of what this person did.")
@click.option(
    "--model",
    metavar="NAME",
    help="What came of this model's answers: its name, or the version that answered.",
)
@click.option("--since", metavar="SINCE", help="RFC 3339 time, or so long ago (24h).")
@click.option("--until", metavar="UNTIL", help="RFC 3339 time, or so long ago.")
@PACKAGES
@KEYS
@LIMIT
@click.pass_obj
def followed(
    session: Session,
    /,
    document_id: str | None,
    packages: tuple[str, ...],
    keys: tuple[str, ...],
    limit: int,
    **given: str | None,
) -> None:
    """List what followed from a document, a person or a model, across jobs."""
    asked = {"document": document_id, "person": given["person"], "model": given["model"]}
    named = [(kind, word) for kind, word in asked.items() if word is not None]
    if len(named) != 1:
        raise click.UsageError("give exactly one of --document, --person, --model")
    if packages and (given["since"] or given["until"]):
        raise click.UsageError(
            "--since and --until are of the server's record; leave them out with --package"
        )
    if packages:
        from forensics.evidence.shelf import followed_in

        found = followed_in(_shelf(packages, keys)[0], *named[0])[:limit]
    else:
        times = {"since": given["since"], "until": given["until"]}
        found = list(islice(session.api().pages("/api/forensics/followed", **asked, **times), limit))
    document(found) if session.json else _show_followed(found)


def _show_followed(found: list[dict[str, Any]]) -> None:
    known = {job["job"] for job in found}
    parts = {each["job"]: each for job in found for each in job["across"] if each["job"] not in known}
    rows = [{**each, "job": job["job"]} for job in (*found, *parts.values()) for each in job["effects"]]
    table(rows, _OF_JOB, empty="Nothing on record followed from it.")
    _gaps([each for each in parts.values() if each["state"] != "shown"], cut=any(job["cut"] for job in found))
    for job in found:
        if job["problem"]:
            note(f"Job {job['job']}: {job['problem']}")
