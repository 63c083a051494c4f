"""`verify --all` and by scope: ask the server for a verification, show how far it is, and say what it found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from .failures import Failure
from .output import document, note, record, table
from .paths import part
from .session import Session
from .waiting import Clock, patiently
from .words import moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from .client import Api

HERE = "/api/forensics/verifications"
MOST = 200  # breaks that are printed; all are under /breaks


def _row_of(each: Mapping[str, Any]) -> str:
    return "" if each["row"] == each.get("job") else str(each["row"])


_BREAKS = {
    "Job": lambda each: str(each.get("job") or "–"),
    "Kind": lambda each: str(each["kind"]),
    "Seq": lambda each: str(each["seq"]),
    "Place": lambda each: " ".join(filter(None, (each["table"], _row_of(each), each["column"]))),
    "Message": lambda each: str(each["message"]),
}  # type: dict[str, Callable[[Mapping[str, Any]], str]]


def verify_many(session: Session, scope: Mapping[str, str], *, clock: Clock | None = None) -> None:
    """Have everything, or the jobs of a scope, verified by a worker, and wait for it.

    Raises:
        Failure: something is broken (`broken_chain`), naming the first break; it was cancelled, or failed.
    """
    api = session.api()
    begun = api.post(HERE, scope)
    found = _until_done(api, begun, clock or Clock(), live=sys.stderr.isatty() and not session.json)
    breaks = list(islice(api.pages(f"{HERE}/{part(found['id'])}/breaks"), MOST)) if found["broken"] else []
    if session.json:
        document({**found, "breaks": breaks})
    else:
        _show(found, breaks)
    if breaks:
        first = breaks[0]
        whose = f"job {first['job']}" if first.get("job") else first["table"]
        message = (
            f"{found['broken']} of {found['jobs']} jobs are broken; the first: {whose}, {first['message']}"
        )
        raise Failure(message, code="broken_chain", advice=f"All of them: GET {HERE}/{found['id']}/breaks")
    if found["state"] != "done":
        raise Failure(
            f"Verification {found['id']} {found['state']} after {found['jobs']} of {found['total']} jobs",
            code=f"verification_{found['state']}",
        )


def _until_done(api: Api, begun: Mapping[str, Any], clock: Clock, *, live: bool) -> Mapping[str, Any]:
    path, pause, found = f"{HERE}/{part(begun['id'])}", 0.1, begun
    with _bar(begun, live=live) as advance:
        try:
            while found["state"] in ("queued", "running"):
                clock.sleep(pause)
                pause = min(pause * 1.3, 2.0)
                found = patiently(lambda: api.get(path), clock)
                advance(found)
        except KeyboardInterrupt:
            note(f"It goes on without you: GET {path}; POST {path}/cancel stops it.")
            raise
    return found


@contextmanager
def _bar(begun: Mapping[str, Any], *, live: bool) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A bar on a terminal; elsewhere nothing."""
    if not live:
        yield lambda found: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("jobs"),
               TextColumn("{task.fields[rate]}"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("Verifying", total=begun["total"] or None, rate="")

        def advance(found: Mapping[str, Any]) -> None:
            rate = f"{found['rate']:,.0f} events/s" if found.get("rate") else ""
            words = f"Verifying, {found['broken']} broken" if found["broken"] else "Verifying"
            progress.update(task, completed=found["jobs"], rate=rate, description=words)

        yield advance


def _show(found: Mapping[str, Any], breaks: list[Mapping[str, Any]]) -> None:
    record(
        {
            "Verification": str(found["id"]),
            "State": str(found["state"]),
            "Jobs": f"{found['jobs']:,} of {found['total']:,}",
            "Events": f"{found['events']:,}",
            "Rate": f"{found['rate']:,.0f} events/s" if found.get("rate") else "",
            "Broken": f"{found['broken']:,}",
            "Finished": moment(found.get("finished_at")),
        }
    )
    if breaks:
        table(breaks, _BREAKS, "")
