"""The auditor holds what the doors have promised against what is there (see `chaos.record`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fatal.audit_books import Books

DEEDS = {"pause": "job_paused", "resume": "job_resumed", "cancel": "job_cancelling"}


def promises(books: Books, record: Mapping[str, Any]) -> Iterator[str]:
    """Everything that was accepted and is not there."""
    for number, job in record["jobs"].items():
        if job not in books.jobs:
            yield f"order {number} was accepted as job {job}, which does not exist"
    for job, again in record["retries"]:
        if again not in books.jobs or books.jobs[again]["forked_from"] != job:
            yield f"the retry of job {job} was accepted as job {again}, which does not exist or comes from another"
    yield from _words(books, record)
    yield from _deeds(books, record)


def _words(books: Books, record: Mapping[str, Any]) -> Iterator[str]:
    for job, id in record["signals"]:
        heard = [e for e in books.events.get(job, []) if e.kind == "signal_received" and e.body["id"] == id]
        if len(heard) != 1:
            yield f"signal {id} to job {job} was accepted; {len(heard)} events tell of it"
    votes = [e.body for events in books.events.values() for e in events if e.kind == "approval_decided"]
    cast = {(vote["approval"], vote["actor"]["id"]) for vote in votes if vote["actor"]}
    for approval, who in record["votes"]:
        if (approval, who) not in cast:
            yield f"the vote of {who} on approval {approval} was accepted; no event tells of it"


def _deeds(books: Books, record: Mapping[str, Any]) -> Iterator[str]:
    for job, deed in record["controls"]:
        if not any(event.kind == DEEDS[deed] for event in books.events.get(job, [])):
            yield f"{deed} of job {job} was accepted; no event tells of it"
