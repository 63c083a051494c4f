"""Recorded jobs, event by event: from the API, or from evidence packages that lie here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from .failures import Failure, Missing
from .options import DURATION
from .packages import is_package
from .paths import job_path
from .session import Session
from .words import named

if TYPE_CHECKING:
    from jobs.core.events import Fact

    from .client import Api

PAGE = 1000
LARGEST_PARTS = 1 << 29  # bytes
NEEDED = {"events.jsonl": {"job", "seq", "type", "node", "at", "body"}, "blobs.jsonl": {"sha256", "text"}}


@dataclass(frozen=True)
class Chosen:
    """Which jobs are meant: these, or the newest so many that fit."""

    jobs: tuple[str, ...] = ()
    agent: str = ""
    statuses: tuple[str, ...] = ()
    since: str = ""
    limit: int = 100


@dataclass(frozen=True)
class History:
    """A job with its events, which are read when they are asked for."""

    id: str
    agent: str
    events: Callable[[], Iterator[Fact]]


def chosen(session: Session, wish: Chosen) -> Iterator[History]:
    """The jobs that are meant, one at a time.

    Raises:
        Failure: a file or the server cannot be read; Missing: there is no such job.
    """
    for name in wish.jobs:
        yield _packed(Path(name)) if is_package(name) else _stored(session.api(), name)
    if not wish.jobs:
        api = session.api()
        filters = {
            "agent": wish.agent or None,
            "status": wish.statuses or None,
            "created_after": _moment(wish.since),
        }
        rows = api.pages("/api/jobs", limit=min(wish.limit, 200), **filters)
        yield from (_of(api, row) for row in islice(rows, wish.limit))


def _moment(since: str) -> str | None:
    if not since:
        return None
    if "T" in since.upper():
        return since
    return (datetime.now(UTC) - timedelta(seconds=DURATION.convert(since, None, None))).isoformat()


def _stored(api: Api, job: str) -> History:
    return _of(api, api.get(job_path(job)))


def _of(api: Api, row: Mapping[str, Any]) -> History:
    path = f"{job_path(row['id'])}/events"
    return History(row["id"], named(row), lambda: _facts(row["id"], api.pages(path, limit=PAGE)))


def _facts(job: str, events: Iterable[Mapping[str, Any]]) -> Iterator[Fact]:
    from forensics.gate import NotComparable
    from jobs.core.events import Fact

    for event in events:
        if event["body"] is None:
            raise NotComparable(
                "payload_erased", f"cannot tell: the body of event {event['seq']} of job {job} is erased"
            )
        yield Fact(
            type=event["type"], node=event["node"], body=event["body"], seq=event["seq"], at=event["at"]
        )


# --- evidence packages ---------------------------------------------------------------------------------------


def _packed(path: Path) -> History:
    first = next(_lines(path, "events.jsonl"), None)
    if first is None or not isinstance(first.get("body"), dict):
        raise Failure(
            f"{path} holds no event",
            code="no_package",
            advice="`aetheris export JOB -o FILE.zip` writes one.",
        )
    return History(first["job"], named(first["body"]), lambda: _facts(first["job"], _whole(path)))


def _whole(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a package with their large parts put back."""
    from forensics.gate import NotComparable
    from jobs.bodies import fill

    parts: dict[str, str] = {each["sha256"]: each["text"] for each in _lines(path, "blobs.jsonl")}
    for event in _lines(path, "events.jsonl"):
        body = event["body"]
        if body is not None and event.get("raw") is None:
            raise NotComparable("redacted", f"cannot tell: event {event['seq']} of {path} is redacted")
        if body is not None:
            fill(body, parts)
        yield event


def _lines(path: Path, member: str) -> Iterator[dict[str, Any]]:
    """The lines of a file of a package."""
    from forensics.standalone import UNREADABLE, Broken

    try:
        with path.open("rb") as file:
            yield from _read(file, member)
    except FileNotFoundError:
        raise Missing(f"There is no file {path}", code="no_file") from None
    except (Broken, OSError, *UNREADABLE) as error:
        told = error.found if isinstance(error, Broken) else error
        raise Failure(
            f"{path} cannot be read: {told}",
            code="no_package",
            advice=f"`aetheris verify {path}` says more.",
        ) from error


def _read(file: BinaryIO, member: str) -> Iterator[dict[str, Any]]:
    """The same, read in its one form and within the verifier's bounds: a ZIP may unpack to anything.

    Raises:
        Broken: it has another form, or unpacks to more than is held here.
    """
    from forensics.standalone import PARTS, Broken, Package

    package = Package(file)
    package.check_form()
    if member == PARTS and package.members[PARTS].size > LARGEST_PARTS:
        raise Broken("too_large", f"more than {LARGEST_PARTS} bytes, which are held in memory here", PARTS)
    for number, value in package.lines(member):
        if not isinstance(value, dict) or not NEEDED[member] <= set(value):
            raise Broken("bad_form", "this line is none of such a file", member, number)
        yield value
