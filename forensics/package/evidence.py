"""The file `evidence.json`: the evidence graph of a job in W3C PROV-JSON, in its canonical form."""

from __future__ import annotations

from typing import Any

from jobs.core.chain import canonical
from jobs.core.moments import text
from jobs.models import Job

from ..redaction import Redactor
from .zipping import Sink


def write(job: Job, sink: Sink, withholds: Redactor | None) -> None:
    """Write the graph.

    Args:
        job: the row.
        sink: the file.
        withholds: what withholds; None where nothing is withheld.
    """
    sink.write((canonical(_document(job)) + "\n").encode("ascii"))


def _document(job: Job) -> dict[str, Any]:
    """What the record as a whole says: this job generated this record, on behalf of nobody but itself."""
    record, run, agent = (
        f"aetheris:head/{job.head_seq}",
        f"aetheris:job/{job.id}",
        f"aetheris:agent/{job.agent}@{job.version}",
    )
    entity = {"aetheris:job": str(job.id), "aetheris:seq": job.head_seq, "aetheris:hash": job.head_hash}
    activity = {"prov:startTime": text(job.created_at)}
    if job.finished_at is not None:
        activity["prov:endTime"] = text(job.finished_at)
    return {
        "prefix": {"aetheris": "urn:aetheris:"},
        "entity": {record: entity}, "activity": {run: activity},
        "agent": {agent: {"prov:type": {"$": "prov:SoftwareAgent", "type": "prov:QUALIFIED_NAME"}}},
        "wasGeneratedBy": {"_:generated": {"prov:entity": record, "prov:activity": run}},
        "wasAssociatedWith": {"_:associated": {"prov:activity": run, "prov:agent": agent}},
    }  # fmt: skip
