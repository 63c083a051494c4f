"""`search`, `searches`, `anomalies`, `access`: questions across jobs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import click

from .failures import Failure
from .options import Verb
from .output import Columns, Row, document, note, record, table
from .paths import part
from .session import Session
from .words import clip, compact, moment

LARGEST = 200  # of a page, as the server has it
OF = ("events", "jobs", "effects", "approvals")
# As the server has them; a test compares.
FILTERS = (
    "since", "until", "job", "agent", "version", "status", "outcome", "tag", "requester", "actor", "approver", "document",
    "model", "tool", "key", "invocation", "text", "type", "node", "step_outcome", "state", "effect",
)  # fmt: skip
HELP = {
    "since": "RFC 3339 time, or so long ago (24h).",
    "until": "RFC 3339 time, or so long ago; what happened then is not in.",
    "tool": "Tool's name; `refund*` for every one that begins so.",
    "actor": "Name or id of a person whom the event names.",
    "key": "Business key; for effects also the idempotency key.",
    "text": "Text that stands in the row.",
    "type": "Types of event, separated by commas.",
    "status": "Status of the job.",
    "state": "State of the effect or approval.",
}

_FOUND: Columns = {
    "Id": lambda each: str(each["id"]),
    "At": lambda each: moment(each["at"]),
    "Agent": lambda each: f"{each['agent']}@{each['version']}" if each.get("agent") else "",
    "Node": lambda each: str(each.get("node") or ""),
    "What": lambda each: clip(str(each["what"]), 40),
    "Summary": lambda each: clip(str(each.get("summary") or ""), 70),
}
_SAVED: Columns = {
    "Id": lambda each: str(each["id"]),
    "Name": lambda each: str(each["name"]),
    "Owner": lambda each: str(each["owner"]["name"]),
    "Shared": lambda each: "yes" if each["shared"] else "",
    "Query": lambda each: clip(compact(each["query"]), 80),
}
_ACCESS: Columns = {
    "Seq": lambda each: str(each["seq"]),
    "At": lambda each: moment(each["at"]),
    "Who": lambda each: str(each["who"]["name"]),
    "Action": lambda each: str(each["action"]),
    "Question": lambda each: str(each["question"]),
    "Job": lambda each: str(each.get("job") or ""),
    "Outcome": lambda each: f"{each['outcome']} {each['status']}",
    "From": lambda each: str(each["from"]["address"]),
}
_ANOMALY: Columns = {
    "Severity": lambda each: str(each["severity"]),
    "Kind": lambda each: str(each["kind"]),
    "Job": lambda each: str(each.get("job") or ""),
    "Node": lambda each: str(each.get("node") or ""),
    "At": lambda each: moment(each.get("at")),
    "Reason": lambda each: str(each["reason"]),
}


def _filters(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(FILTERS):
        text = HELP.get(name, f"Only with this {name.replace('_', ' ')}.")
        flag = f"--{name.replace('_', '-')}"
        command = click.option(flag, name, metavar=name.upper(), help=text)(command)
    return command


@click.command(cls=Verb, example="aetheris search --of effects --tool 'refund*' --since 7d")
@click.option("--of", type=click.Choice(OF), default=None, help="What to search.  [default: events]")
@_filters
@click.option("--run", "saved", metavar="ID", help="Run a saved search.")
@click.option("--save", metavar="NAME", help="Keep this search under a name instead of running it.")
@click.option("--shared", is_flag=True, help="With --save: others of the tenant may run it.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option("--all", "everything", is_flag=True, help="Every one, however many.")
@click.pass_obj
def search(
    session: Session,
    /, saved: str | None, save: str | None, shared: bool, limit: int, everything: bool, **given: str | None
) -> None:  # fmt: skip
    """Search events, jobs, effects or approvals, the newest first."""
    filters = {name: value for name, value in given.items() if value is not None}
    if saved and (filters or save):
        raise click.UsageError("a saved search is run as it was kept; leave the other options out")
    if save:
        made = session.api().post(
            "/api/forensics/queries", {"name": save, "query": filters, "shared": shared}
        )
        document(made) if session.json else record({"Id": str(made["id"]), "Name": str(made["name"])})
        return
    path = f"/api/forensics/queries/{part(saved)}/run" if saved else "/api/forensics/query"
    listed(
        session, path, filters, _FOUND, limit if not everything else None, "Nothing on record is like that."
    )


@click.command(cls=Verb, example="aetheris searches")
@click.option("--delete", "gone", metavar="ID", help="Delete one of your own.")
@click.pass_obj
def searches(session: Session, gone: str | None) -> None:
    """List saved searches: your own, and those that others share."""
    if gone:
        session.api().delete(f"/api/forensics/queries/{part(gone)}")
        document({"deleted": gone}) if session.json else note(f"Deleted {gone}.")
        return
    empty = "No search is kept. `aetheris search … --save NAME` keeps one."
    listed(session, "/api/forensics/queries", {}, _SAVED, None, empty)


@click.command(cls=Verb, example="aetheris anomalies --severity high")
@click.option("--since", metavar="SINCE", help="RFC 3339 time, or so long ago.  [default: 7d]")
@click.option("--job", metavar="ID", help="Only this job, which is also verified.")
@click.option("--kind", metavar="KIND", help="Only of this kind.")
@click.option("--severity", type=click.Choice(["low", "medium", "high", "critical"]), help="At least so bad.")
@click.pass_obj
def anomalies(session: Session, /, **given: str | None) -> None:
    """List what on the record is worth a look, the worst first."""
    told = session.api().get("/api/forensics/anomalies", **given)
    if session.json:
        document(told)
        return
    table(told["results"], _ANOMALY, empty="Nothing on record is out of the ordinary.")
    for signal in told["signals"]:
        if signal["state"] != "looked":
            note(f"{signal['kind']}: {signal['state']}; {signal['why']}")


@click.command(cls=Verb, example="aetheris access --who ann --since 24h")
@click.option("--who", metavar="USER", help="Name or id of a user.")
@click.option("--what", metavar="ACTION", help="view, verify, replay, export, search …")
@click.option("--job", metavar="ID", help="Only accesses to this job.")
@click.option("--since", metavar="SINCE", help=HELP["since"])
@click.option("--until", metavar="UNTIL", help=HELP["until"])
@click.option("--outcome", type=click.Choice(["granted", "refused", "failed"]), help="What came of it.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@click.option(
    "--verify", "check", is_flag=True, help="Check the chain of the log itself; exit 1 names the first break."
)
@click.pass_obj
def access(session: Session, /, limit: int, check: bool, **given: str | None) -> None:
    """List who looked at forensic data: what, when, from where."""
    if not check:
        listed(session, "/api/forensics/access", given, _ACCESS, limit, "Nobody has looked.")
        return
    told = session.api().post("/api/forensics/access/verify")
    if session.json:
        document(told)
    else:
        head = f"{told['head']['seq']} {told['head']['hash']}"
        record({"Ok": "yes" if told["ok"] else "no", "Entries": str(told["entries"]), "Head": head})
    if not told["ok"]:
        problem = compact(told["problem"])
        raise Failure(f"The access log is broken: {problem}", code="broken_chain")


def listed(
    session: Session, path: str, given: dict[str, Any], columns: Columns, limit: int | None, empty: str
) -> None:
    """Print a list as far as `limit`; None prints it whole."""
    size = LARGEST if limit is None else min(limit + 1, LARGEST)
    pages = session.api().pages(path, limit=size, **given)
    found: list[Row] = list(pages if limit is None else islice(pages, limit + 1))
    shown = found[:limit]
    if session.json:
        document(shown)
        return
    table(shown, columns, empty=empty)
    if len(found) > len(shown):
        note(f"There are more than {limit}; --limit N shows them.")
