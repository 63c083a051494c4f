"""The ledger as the events tell it: a second reading, independent of the one that writes it."""

from __future__ import annotations

import json
from typing import Any

from jobs.bodies import parsed
from jobs.core.chain import canonical, digest_of
from jobs.core.state import JobState
from jobs.models import Event
from ledger.models import RELEASES_ITS_KEY, Invocation

SAYS = {"landed": "landed", "absent": "absent", "fail": "given_up"}
FIELDS = (
    "tenant", "node", "tool", "version", "schema", "effect", "idempotency_key", "business_key", "holds", "args",
    "args_digest", "state", "attempt", "fence", "probe", "result", "recalled_from", "compensates", "settled",
)  # fmt: skip
Book = dict[str, dict[str, Any]]


def stored_book(job: str) -> Book:
    """The lines that the ledger has for a job."""
    lines: Book = {}
    for row in Invocation.objects.filter(job_id=job):
        told = {name: getattr(row, name) for name in FIELDS if name != "settled"}
        told["recalled_from"] = str(row.recalled_from) if row.recalled_from else None
        told["compensates"] = str(row.compensates) if row.compensates else None
        told["settled"] = row.settled_at is not None
        lines[str(row.id)] = told
    return lines


def book_of(state: JobState, job: str) -> Book:
    """The lines that the job's events imply."""
    rows = list(Event.objects.filter(job_id=job).order_by("seq"))
    bodies = parsed([row.body for row in rows], state.tenant)
    lines: Book = {}
    for row, body in zip(rows, bodies, strict=True):
        if row.type == "tool_invocation_started":
            before = lines.get(body["invocation"], {})
            lines[body["invocation"]] = {**_line(state, row.node, body), "result": before.get("result")}
        elif row.type == "tool_invocation_finished" and body["status"] == "recalled":
            own = {
                **body,
                **body["recalled_from"],
                "invocation": body["invocation"],
                "holds": False,
                "probe": False,
            }
            source = body["recalled_from"]["invocation"]
            line = _line(state, row.node, {**own, "attempt": max(1, body["attempt"])})
            lines[body["invocation"]] = {
                **line, "state": "recalled", "result": canonical(body["result"]), "recalled_from": source,
                "settled": True,
            }  # fmt: skip
        elif row.type == "tool_invocation_finished":
            _settled(lines[body["invocation"]], body["status"], body)
        elif row.type == "outcome_unknown":
            lines[body["invocation"]].update(state="unknown", settled=False)
        elif row.type == "outcome_resolved":
            _settled(lines[body["invocation"]], SAYS[body["verdict"]], body)
        elif row.type == "compensation_finished":
            lines[body["compensates"]]["state"] = "compensated"
    return lines


def _line(state: JobState, path: str, body: dict[str, Any]) -> dict[str, Any]:
    asked = state.calls[path]
    return {
        "tenant": state.tenant, "node": path, "tool": body["tool"], "version": body["version"],
        "schema": body["schema"], "effect": body["effect"], "idempotency_key": body["key"],
        "business_key": body["business_key"], "holds": body["holds"], "args": canonical(asked.args),
        "args_digest": digest_of(asked.args), "state": "open", "attempt": body["attempt"], "fence": body["fence"],
        "probe": body["probe"], "result": None, "recalled_from": None, "settled": False,
        "compensates": body.get("compensates"),
    }  # fmt: skip


def _settled(line: dict[str, Any], how: str, body: dict[str, Any]) -> None:
    line.update(state=how, settled=True)
    if "result" in body:
        line["result"] = canonical(body["result"])
    if how in RELEASES_ITS_KEY:
        line["holds"] = False


def result_of(row: Invocation) -> Any:
    """The stored result of a line, read."""
    return None if row.result is None else json.loads(row.result)
