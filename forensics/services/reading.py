"""The graph of one stored job, read from its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

from jobs.bodies import stored_parts
from jobs.core.errors import Illegal
from jobs.models import Job

from .. import evidence, record


def graph_of_job(job: Job) -> dict[str, Any]:
    """The evidence graph of a job.

    Args:
        job: the row.

    Returns:
        `{job, agent, version, nodes, edges, complete}`; `complete` is false where a job has so many values that not all
        were looked for in later ones.

    Raises:
        Illegal: the record is broken and tells no graph.
    """
    return _built(job).json()


def prov_of_job(job: Job) -> Iterator[str]:
    """The same in PROV-JSON: the text that a package of the job holds, in pieces."""
    return evidence.prov_text(_built(job), {"seq": job.head_seq, "hash": job.head_hash})


def _built(job: Job) -> evidence.Evidence:
    def part(digest: str) -> Any:
        with suppress(ValueError):
            return json.loads(stored_parts([digest], job.tenant)[digest])

    try:
        with record.snapshot(), closing(record.stream_of(job.id, until=job.head_seq)) as rows:
            return evidence.graph_of((_wire(job, row) for row in rows), part)
    except record.UNREADABLE as error:
        raise Illegal(
            f"the record of job {job.id} is broken and tells no graph; `aetheris verify {job.id}` says where ({error})",
            code="broken_record",
        ) from error


def _wire(job: Job, row: Any) -> dict[str, Any]:
    body = json.loads(row.body) if row.body is not None else None
    return {
        "job": str(job.id),
        "seq": row.seq,
        "type": row.type,
        "node": row.node,
        "at": row.at,
        "body": body,
        "raw": row.body,
    }
