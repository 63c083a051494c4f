"""The page of one step, or of one call inside it: what went in, what came out, every attempt, what the model was asked."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from jobs import queries
from jobs.admin.job_page import worker_names
from jobs.admin.looking import page_looked
from jobs.admin.shown import CLIP, FOLD, Part, badge, short, step_name, whole
from jobs.core.errors import Illegal, NotFound
from jobs.core.ids import child_id
from jobs.models import Approval, Event, Job
from ledger.models import Invocation

from .comparing import attempts_of, difference
from .desk import Page, address, when

FOLDED = 3_000  # events of a job whose history a page reads in full
ROWS = 100


class NodePage(Page):
    """`/jobs/{id}/nodes/{node}`."""

    @page_looked("view", "console-node")
    def get(self, request: HttpRequest, job: UUID, node: str) -> HttpResponse:
        """The step, told from its job's history; of a very long one, from its own newest events."""
        row = self.job(job)
        node = node.removesuffix("/")
        detail, note = _detail(row, node)
        if detail is None and not Event.objects.filter(job_id=row.id, node=node).exists():
            raise Http404(f"job {job} has no step {node}")
        told = detail or {}
        context: dict[str, Any] = {
            "job": row,
            "short": short(row.id),
            "node": node,
            "name": step_name(node),
            "note": note,
            "kind": told.get("kind", ""),
            "status": badge(told["status"]) if told else "",
            "links": self._links(row, node, told),
            "parts": _parts(told),
            "attempts": _attempts(told),
            "compared": self._compared(told),
            "snapshots": [_snapshot(each) for each in told.get("snapshots", ())],
            "calls": [
                {**each, "badge": badge(each["status"])}
                for each in told.get("calls", ())
                if each["path"] != node
            ],
            "lines": [self._line(each) for each in _ledger(row, node)],
            "events": _events(row, node, told),
            "whole": address("aetheris:node", row.id, node),
            "command": f"aetheris node {row.id} {node}",
        }
        return self.page("node.html", f"{step_name(node)} of {short(row.id)}", **context)

    def _links(self, row: Job, node: str, told: dict[str, Any]) -> list[tuple[str, str]]:
        if told.get("kind") == "agent":
            child = child_id(str(row.id), node)
            known = queries.jobs_of(self.tenant).filter(id=child).exists()
            return [("The child job", reverse("aetheris_console:job", args=(child,)))] if known else []
        if told.get("kind") == "approval":
            asked = Approval.objects.filter(job_id=row.id, node=node, tenant=self.tenant).first()
            return [("The approval", reverse("aetheris_console:approval", args=(asked.id,)))] if asked else []
        return []

    def _compared(self, told: dict[str, Any]) -> dict[str, Any] | None:
        """Two attempts side by side: those that were asked for, or the last two."""
        fences = [each["fence"] for each in told.get("attempts", ())]
        if len(fences) < 2:
            return None
        asked = [self.request.GET.get(name, "") for name in ("left", "right")]
        chosen = [int(each) for each in asked if each.isdecimal() and len(each) < 19 and int(each) in fences]
        left, right = chosen if len(chosen) == 2 else fences[-2:]
        found = attempts_of(told["events"], fences)
        numbered = [(fence, index + 1) for index, fence in enumerate(fences)]
        return {
            "fences": numbered,
            "left": left,
            "right": right,
            "lines": difference(found[left], found[right]),
        }

    def _line(self, line: Invocation) -> dict[str, Any]:
        return {
            "line": line,
            "state": badge(line.state),
            "promised": when(line.promised_at),
            "settled": when(line.settled_at),
            "parts": [
                text_part("arguments", line.args),
                *([text_part("result", line.result)] if line.result else []),
            ],
        }


def _detail(row: Job, node: str) -> tuple[dict[str, Any] | None, str]:
    """The step as the API tells it, or why not."""
    if row.head_seq > FOLDED:
        return (
            None,
            f"This job has {row.head_seq} events: only what the newest ones say of this step is shown.",
        )
    try:
        return queries.node_detail(row, node), ""
    except NotFound as refusal:
        raise Http404(refusal.message) from refusal
    except Illegal as broken:
        return None, broken.message


def _part(name: str, value: Any) -> Part:
    """A value as a part of the page, folded if it is long, only begun if it is very long."""
    shown = whole(name, value)
    if shown.size > CLIP:
        return Part(name, shown.text[:CLIP], folded=True, clipped=True, size=shown.size)
    return Part(name, shown.text, folded=shown.size > FOLD, size=shown.size)


def text_part(name: str, text: str) -> Part:
    """A stored text as a part of the page."""
    try:
        return _part(name, json.loads(text))
    except ValueError:
        return Part(name, text[:CLIP], folded=len(text) > FOLD, clipped=len(text) > CLIP, size=len(text))


def _parts(told: dict[str, Any]) -> list[Part]:
    if not told:
        return []
    parts = [_part(name, told[name]) for name in ("input", "output", "error") if told[name] is not None]
    if told["state_before"] != told["state_after"]:
        parts += [_part(name.replace("_", " "), told[name]) for name in ("state_before", "state_after")]
    spec = _part("as planned", told["spec"])
    return [*parts, Part(spec.name, spec.text, folded=True, clipped=spec.clipped, size=spec.size)]


def _attempts(told: dict[str, Any]) -> list[dict[str, Any]]:
    found = told.get("attempts", ())
    names = worker_names(UUID(each["worker"]) for each in found)
    return [
        {
            **each,
            "number": index + 1,
            "name": names.get(UUID(each["worker"]), each["worker"]),
            "started": when(each["started_at"]),
            "ended": when(each["ended_at"]),
            "how": badge((each["end"] or "running").replace("finished", "done")),
            "wrong": _wrong(each["error"]),
        }
        for index, each in enumerate(found)
    ]


def _wrong(error: Any) -> str:
    if not error:
        return ""
    return str(error.get("message") or error.get("code") or error) if isinstance(error, dict) else str(error)


def _snapshot(found: dict[str, Any]) -> dict[str, Any]:
    named = (
        ("the model was asked", "llm_request"),
        ("the model answered", "llm_response"),
        ("digest of the inputs", "inputs"),
    )
    parts = [_part(words, found[name]) for words, name in named if found.get(name) is not None]
    if found.get("delta"):
        parts.append(_part("change of the job's state", found["delta"]))
    return {"seq": found["seq"], "at": when(found["at"]), "parts": parts, "goal": found.get("goal", "")}


def _ledger(row: Job, node: str) -> list[Invocation]:
    lines = Invocation.objects.filter(Q(node=node) | Q(node__startswith=f"{node}/"), job_id=row.id)
    return list(lines.order_by("-promised_at", "-id")[:ROWS])


def _events(row: Job, node: str, told: dict[str, Any]) -> list[dict[str, Any]]:
    """The newest events about it, each with its body."""
    if told:
        events = told["events"][-ROWS:][::-1]
    else:
        rows = list(Event.objects.filter(job_id=row.id, node=node).order_by("-seq")[:ROWS])
        events = queries.wire(rows, row.tenant)
    return [
        {
            **each,
            "at": when(each["at"]),
            "body": None if each["body"] is None else _part("body", each["body"]),
        }
        for each in events
    ]
