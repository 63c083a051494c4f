"""Two jobs side by side: their facts and goals, and every step that they have, aligned by its name."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import queries
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, short, step_name
from jobs.core.errors import Illegal
from jobs.core.moments import parse
from jobs.models import Job

from .comparing import Pair, aligned, difference
from .desk import Page, when
from .nodes import FOLDED

SHOWN = 300  # steps
OPEN = 40  # lines up to which a difference starts open


class Choose(Page):
    """`/jobs/{id}/compare`: with which other job."""

    def get(self, request: HttpRequest, job: UUID) -> HttpResponse:
        """The jobs that are likely meant, and a field for any other."""
        row = self.job(job)
        told = request.GET.get("with", "").strip()
        try:
            other = UUID(told) if told else None
        except ValueError:
            other = None
        if other is not None:
            return HttpResponseRedirect(reverse("aetheris_console:side_by_side", args=(row.id, other)))
        source = queries.forked_from(row)
        near = [UUID(str(source["job"]))] if source else []
        near += [UUID(str(each["job"])) for each in queries.forks_of(row)]
        kin = queries.jobs_of(self.tenant).filter(agent=row.agent).exclude(id=row.id)
        latest = list(kin.order_by("-created_at", "-id").values_list("id", flat=True)[:10])
        wanted = list(dict.fromkeys([*near, *latest]))[:20]
        rows = {each.id: each for each in queries.jobs_of(self.tenant).filter(id__in=wanted)}
        context: dict[str, Any] = {
            "job": row,
            "short": short(row.id),
            "rows": [_row(rows[each], each in near) for each in wanted if each in rows],
            "told": told,
            "wrong": "That is no job's id; give it in full." if told else "",
        }
        return self.page("compare.html", f"Compare {short(row.id)}", **context)


class SideBySide(Page):
    """`/jobs/{id}/compare/{other}`: a look at both, and on record for both."""

    @page_looked("view", "console-compare")
    def get(self, request: HttpRequest, job: UUID, other: UUID) -> HttpResponse:
        """The comparison."""
        return self._of(request, other, job)

    @page_looked("view", "console-compare")
    def _of(self, request: HttpRequest, other: UUID, job: UUID) -> HttpResponse:
        left, right = self.job(job), self.job(other)
        pairs, note = _pairs(left, right)
        shown = pairs[:SHOWN]
        context: dict[str, Any] = {
            "left": left,
            "right": right,
            "names": (short(left.id), short(right.id)),
            "facts": _facts(left, right),
            "goal": difference(json.loads(left.goal), json.loads(right.goal)),
            "pairs": [_shown(each) for each in shown],
            "changed": sum(each.differs for each in pairs),
            "total": len(pairs),
            "more": len(pairs) - len(shown),
            "note": note,
            "swapped": reverse("aetheris_console:side_by_side", args=(right.id, left.id)),
            "commands": [(f"Job {short(each.id)}", f"aetheris trace {each.id}") for each in (left, right)],
        }
        return self.page("side_by_side.html", f"{short(left.id)} and {short(right.id)}", **context)


def _pairs(left: Job, right: Job) -> tuple[list[Pair], str]:
    for job in (left, right):
        if job.head_seq > FOLDED:
            return (
                [],
                f"Job {short(job.id)} has {job.head_seq} events: too many to lay its steps beside others.",
            )
    try:
        return aligned(queries.steps_in_depth(left), queries.steps_in_depth(right)), ""
    except Illegal as broken:
        return [], broken.message


def _row(job: Job, near: bool) -> dict[str, Any]:
    return {
        "job": job,
        "short": short(job.id),
        "status": badge(job.status),
        "created": when(job.created_at),
        "near": near,
    }


def _facts(left: Job, right: Job) -> list[tuple[str, Any, Any, bool]]:
    """Label, both values, and whether they differ in a way that says something."""

    def each(job: Job) -> dict[str, Any]:
        return {
            "Agent": f"{job.agent}@{job.version}",
            "Status": job.status,
            "Outcome": job.outcome or "–",
            "Requested by": job.requester_name or job.requester,
            "Created": when(job.created_at),
            "Took": _took(job.created_at, job.finished_at),
            "Events": job.head_seq,
        }

    ours, theirs = each(left), each(right)
    return [
        (name, ours[name], theirs[name], name != "Created" and ours[name] != theirs[name]) for name in ours
    ]


def _shown(pair: Pair) -> dict[str, Any]:
    sides = [
        {
            "badge": badge(str(each["status"])) if each else "–",
            "attempts": each["attempts"] if each else "–",
            "took": _took(each["started_at"], each["finished_at"]) if each else "–",
        }
        for each in (pair.left, pair.right)
    ]
    parts = [{"name": name, "lines": lines, "open": len(lines) <= OPEN} for name, lines in pair.parts]
    return {"node": pair.node, "name": step_name(pair.node), "sides": sides, "parts": parts, "differs": pair.differs,
            "only": "left" if pair.right is None else "right" if pair.left is None else ""}  # fmt: skip


def _took(begin: datetime | str | None, end: datetime | str | None) -> str:
    if not begin or not end:
        return "–"
    first, last = (parse(each) if isinstance(each, str) else each for each in (begin, end))
    return f"{(last - first).total_seconds():,.3f} s"
