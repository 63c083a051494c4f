"""How verifications and breaks are worded on the admin's pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from jobs.admin.desk import Desk
from ledger.admin import utc

from ..inspection import Scope
from ..models import Breakage, Verification

WORDS = {
    "since": "created since {}",
    "until": "created before {}",
    "agent": "of agent {}",
    "status": "that are {}",
}


def scope_words(row: Verification) -> str:
    """Which jobs, in words."""
    told = Scope.of(row.scope).to_json()
    return ", ".join(WORDS[name].format(value) for name, value in told.items()) or "everything"


def by_whom(row: Verification) -> str:
    """Who asked, in words."""
    return "every night" if row.source == "nightly" else row.requester_name or row.requester


def facts_of(row: Verification) -> list[tuple[str, str]]:
    """Label and value of what a verification says of itself; what there is not is left out."""
    rate = f"{row.events / row.seconds:,.0f} events a second" if row.seconds else "–"
    facts = [
        ("Jobs", f"{row.jobs:,} of {row.total:,}"), ("Events", f"{row.events:,}"), ("Rate, at work", rate),
        ("Broken", f"{row.broken:,}"), ("Which jobs", scope_words(row)), ("Asked by", by_whom(row)),
        ("Asked for", utc(row.created_at)), ("Began", utc(row.started_at)), ("Ended", utc(row.finished_at)),
        ("Problem", row.problem or "–"), ("Verification", str(row.id)),
    ]  # fmt: skip
    return [fact for fact in facts if fact[1] != "–"]


def place_of(row: Any) -> str:
    """Table, row and column of a break; the row not where it is the job itself."""
    key = row.row if row.row != str(row.job_id) else ""
    return " · ".join(each for each in (row.table, key, row.column) if each)


def kind_badge(kind: str) -> SafeString:
    """The kind of a break."""
    return format_html('<span class="aetheris-badge aetheris-bad">{}</span>', kind.replace("_", " "))


def breaks_shown(desk: Desk, rows: Iterable[Breakage]) -> list[dict[str, Any]]:
    """Breaks as the page shows them, each with the page of its job."""
    return [
        {
            "kind": kind_badge(row.kind), "seq": row.seq or "–", "place": place_of(row), "message": row.message,
            "job": row.job_id, "url": job_url(desk, row),
        }
        for row in rows
    ]  # fmt: skip


def job_url(desk: Desk, row: Any) -> str | None:
    """The page of the job that a break belongs to; none for rows whose job does not exist."""
    return (
        desk.address("aetheris_jobs_job_change", row.job_id) if row.job_id and row.kind != "orphan" else None
    )
