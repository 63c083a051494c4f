"""`erase`, `hold`, `release`, `holds`, `tombstones`, `retention`: what is kept and what goes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import click

from .auditing import listed
from .options import JSON, Verb, value_of
from .output import Columns, document, note, record, table
from .paths import job_path, part
from .session import Session
from .words import clip, compact, moment

SCOPES = ("job", "tag", "agent", "requester", "query")  # as the server has them; a test compares
HOLDS = "/api/forensics/holds"

_HOLDS: Columns = {
    "Id": lambda each: str(each["id"]),
    "On": lambda each: clip(f"{each['scope']} {each['value'] if isinstance(each['value'], str) else compact(each['value'])}", 60),
    "Reference": lambda each: clip(str(each["reference"]), 30),
    "Reason": lambda each: clip(str(each["reason"]), 50),
    "Through": lambda each: str(each["through"] or ""),
    "By": lambda each: str(each["placed_by"]["name"]),
    "Since": lambda each: moment(each["placed_at"]),
    "Released": lambda each: moment(each["released"]["at"]) if each["released"] else "",
}  # fmt: skip
_STONES: Columns = {
    "Job": lambda each: str(each["job"]),
    "Agent": lambda each: f"{each['agent']}@{each['version']}",
    "Pruned": lambda each: moment(each["pruned_at"]),
    "By": lambda each: str(each["pruned_by"]["name"]),
    "Reason": lambda each: clip(str(each["reason"]), 40),
    "Events": lambda each: str(each["events"]),
    "Archive": lambda each: str(each["archive"]["path"]) if each["archive"] else "",
    "Problem": lambda each: str(each["problem"] or ""),
}
_POLICIES: Columns = {
    "Policy": lambda each: str(each["said"]),
    "Basis": lambda each: clip(str(each["basis"]), 60),
}
_DUE: Columns = {
    "Job": lambda each: str(each["job"]),
    "Then": lambda each: str(each["then"]),
    "Policy": lambda each: clip(str(each["policy"]), 60),
    "Kept because": lambda each: str(each["refused"]["message"]) if each["refused"] else "",
}
_COPIES: Columns = {
    "Job": lambda each: str(each["job"]),
    "Relation": lambda each: str(each["relation"]),
    "Status": lambda each: str(each["status"]),
    "Erased": lambda each: str(each["erased"]),
    "Kept because": lambda each: str(each["refused"]["message"]) if each["refused"] else "",
}


@click.command(cls=Verb, example="aetheris erase 0197c1a2-… --all --basis 'Art. 17 GDPR' --reason 'asked to'")
@click.argument("job")
@click.option("--all", "everything", is_flag=True, help="Every body.")
@click.option(
    "--event", "events", type=click.IntRange(1), multiple=True, help="The body of this event; repeatable."
)
@click.option(
    "--path", "paths", metavar="PATH", multiple=True, help="A step or call, and all below it; repeatable."
)
@click.option("--basis", default="", help="On what legal ground.")
@click.option("--reason", default="", help="Why.")
@click.option("--copies", is_flag=True, help="Also what other jobs have copied of it.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.pass_obj
def erase(
    session: Session,
    /, job: str, everything: bool, events: tuple[int, ...], paths: tuple[str, ...], basis: str, reason: str, copies: bool,
    dry_run: bool,
) -> None:  # fmt: skip
    """Erase what a job that has ended has on record; its chain still verifies."""
    body: dict[str, Any] = {"everything": everything, "dry_run": dry_run, "also_copies": copies, "legal_basis": basis,
                            "reason": reason}  # fmt: skip
    body |= {"events": list(events)} if events else {}
    body |= {"paths": list(paths)} if paths else {}
    told = session.api().post(f"{job_path(job)}/erase", body)
    if session.json:
        document(told)
        return
    gone = told["events"] if dry_run else told["erased"]
    click.echo(f"{len(gone)} events of job {job} {'would be' if dry_run else 'were'} erased"
               + (f": {', '.join(str(each['seq']) for each in gone)}." if gone else "."))  # fmt: skip
    if told["refused"]:
        note(f"It would be refused: {told['refused']['message']}")
    if told["copies"]:
        table(told["copies"], _COPIES, empty="")


@click.command(cls=Verb, example="aetheris hold tag case-7 --reason 'in court' --reference 'AZ 7/26'")
@click.argument("scope", type=click.Choice(SCOPES))
@click.argument("value")
@click.option("--reason", required=True, help="Why.")
@click.option("--reference", default="", help="Case or file number.")
@click.option("--key", metavar="KEY", help="The same key again is the same hold, placed once.")
@click.pass_obj
def hold(session: Session, scope: str, value: str, reason: str, reference: str, key: str | None) -> None:
    """Place a legal hold: what it covers, and what comes from that, is neither erased nor pruned. The value of a query is JSON."""
    given = value_of(JSON.convert(value, None, None)) if scope == "query" else value
    body = {"scope": scope, "value": given, "reason": reason, "reference": reference}
    told = session.api().post(HOLDS, body, **{"Idempotency-Key": key or uuid4().hex})
    _one(session, told)


@click.command(cls=Verb, example="aetheris release 5d7e… --reason 'settled'")
@click.argument("hold_id", metavar="HOLD")
@click.option("--reason", required=True, help="Why.")
@click.pass_obj
def release(session: Session, hold_id: str, reason: str) -> None:
    """Release a legal hold."""
    _one(session, session.api().post(f"{HOLDS}/{part(hold_id)}/release", {"reason": reason}))


@click.command(cls=Verb, example="aetheris holds --state standing")
@click.option("--state", type=click.Choice(["standing", "released"]), help="Only these.")
@click.option("--job", metavar="ID", help="Those that stand and cover this job.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.pass_obj
def holds(session: Session, state: str | None, job: str | None, limit: int) -> None:
    """List legal holds, the newest first."""
    if job and state:
        raise click.UsageError("--job lists the holds that stand; leave --state out")
    if job:
        found = session.api().get(f"{job_path(job)}/hold")["results"]
        document(found) if session.json else table(found, _HOLDS, empty=f"No legal hold covers job {job}.")
        return
    listed(session, HOLDS, {"state": state}, _HOLDS, limit, "There is no legal hold.")


@click.command(cls=Verb, example="aetheris tombstones --agent refund")
@click.option("--agent", metavar="NAME", help="Only jobs of this agent.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@click.pass_obj
def tombstones(session: Session, agent: str | None, limit: int) -> None:
    """List what is left of pruned jobs, the newest first."""
    listed(session, "/api/forensics/tombstones", {"agent": agent}, _STONES, limit, "No job was pruned.")


@click.command(cls=Verb, example="aetheris retention --due")
@click.option("--due", is_flag=True, help="Say which jobs would go now; nothing is touched.")
@click.option("--apply", "now", is_flag=True, help="Take away the jobs whose time is over.")
@click.pass_obj
def retention(session: Session, due: bool, now: bool) -> None:
    """Show the retention policies, what is due, or apply them."""
    if due and now:
        raise click.UsageError("either --due or --apply")
    if not due and not now:
        told = session.api().get("/api/forensics/retention")
        empty = "There is no policy: jobs are kept for ever."
        document(told) if session.json else table(told["policies"], _POLICIES, empty=empty)
        return
    total = {"pruned": 0, "erased": 0, "refused": 0}
    jobs: list[Any] = []
    after, more = "", True
    while more:
        told = session.api().post("/api/forensics/retention", {"dry_run": not now, "after": after})
        jobs += told["jobs"]
        total = {name: total[name] + told[name] for name in total}
        more, after = told["more"] and told["next"] != after, told["next"]
    if session.json:
        document({"dry_run": not now, **total, "jobs": jobs})
        return
    table(jobs, _DUE, empty="Nothing is due.")
    if now:
        note(f"{total['pruned']} pruned, {total['erased']} erased, {total['refused']} kept.")


def _one(session: Session, told: dict[str, Any]) -> None:
    if session.json:
        document(told)
        return
    record({name: read(told) for name, read in _HOLDS.items()})
