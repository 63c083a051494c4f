"""A job's evidence in the admin: the picture of what led to what, and of each effect who, when, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import mark_safe

from jobs.admin.desk import DOORS, Desk, Door
from jobs.admin.looking import page_looked
from jobs.admin.shown import badge, moment
from jobs.core.errors import Illegal
from jobs.models import Job

from .. import evidence, services
from ..evidence.drawing import svg

SHOWN = 50
LINKS = 6
PAGE = "aetheris_forensics_evidence"


class EvidencePages(Desk):
    """The page of a job's evidence; the list to which it belongs is another's."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("evidence/<uuid:job>/", wrap(self.evidence_view), name=PAGE), *super().get_urls()]

    @page_looked("view", "admin-evidence", strict=True)
    def evidence_view(self, request: HttpRequest, job: UUID) -> HttpResponse:
        """The evidence of one job."""
        row, context = self.job_of(request, job)
        try:
            context |= _shown(services.graph_of_job(row))
            context["around"] = self._around(request, row)
        except Illegal as broken:
            context["problem"] = broken.message
        return self.page(request, "evidence.html", f"Evidence of {row.agent}@{row.version}", **context)

    def _around(self, request: HttpRequest, row: Job) -> list[dict[str, Any]]:
        """The jobs before and after this one, each with its page if this user may see it, and the arrows to it."""
        told = services.neighbours(row, lambda job: self._may_see(request, job))
        found = []
        for side in ("before", "after"):
            for each in told[side]:
                shown = each["state"] == "shown"
                found.append({
                    **each, "side": side, "links": _links(told["links"], each["job"], side),
                    "url": self.url(PAGE, each["job"]) if shown else None,
                    "badge": badge(each["status"] if shown else each["state"]),
                })  # fmt: skip
        return found

    def _may_see(self, request: HttpRequest, job: Job) -> bool:
        jobs = self.admin_site._registry.get(Job)
        return bool(jobs and jobs.has_view_permission(request, job))


def _links(links: list[dict[str, Any]], job: str, side: str) -> list[str]:
    """The arrows at one job in words; at most a few."""
    end = "to" if side == "before" else "from"
    words = [
        f"{each['kind']}: {each['from']['node']} came of {each['to']['node']}"
        for each in links
        if each[end]["job"] == job
    ]
    return [*words[:LINKS], f"and {len(words) - LINKS} more"] if len(words) > LINKS else words


def _shown(graph: Mapping[str, Any]) -> dict[str, Any]:
    calls = [each["id"] for each in graph["nodes"] if each["kind"] in ("tool", "compensation")]
    acting = [
        each["id"] for each in graph["nodes"] if each["id"] in set(calls) and each.get("effect") != "pure"
    ]
    told = [_row(evidence.who(graph, each)) for each in (acting or calls)[:SHOWN]]
    picture = mark_safe(svg(graph))  # noqa: S308 - drawn by us, with every text escaped
    return {
        "picture": picture,
        "effects": told,
        "more": max(0, len(acting or calls) - SHOWN),
        "nodes": len(graph["nodes"]),
    }


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    effect, grounds = told["effect"], told["based_on"]
    return {
        "step": effect.get("step"), "tool": effect.get("tool"), "state": badge(effect.get("state", "")),
        "key": effect.get("business_key") or effect.get("key"), "at": moment(effect.get("settled_at") or effect["at"]),
        "attempt": effect.get("attempts"), "submitted": (told["submitted_by"] or {}).get("name"),
        "votes": [f"{each['name'] or 'nobody'}: {each['decision']}" for each in told["approved_by"]],
        "models": [_known(each, each.get("answered") or each.get("asked")) for each in grounds["models"]],
        "documents": [_known(each, each.get("document") or each["id"]) for each in grounds["documents"]],
        "tools": [_known(each, f"{each.get('tool') or each['id']} ({each.get('step', '')})") for each in grounds["tools"]],
        "sentence": told["sentence"],
    }  # fmt: skip


def _known(ground: Mapping[str, Any], name: Any) -> str:
    """A ground by its name; how it is known, unless somebody has declared it."""
    return str(name) if ground["how"] == "declared" else f"{name}, {ground['how']}"


DOORS.append(Door("Evidence", PAGE))
