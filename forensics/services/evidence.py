"""The evidence of stored jobs: their graphs, who had the AI do what, why it was done, and what followed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from typing import Any

from django.db.models import QuerySet

from jobs.bodies import stored_parts
from jobs.core.errors import Illegal, NotFound
from jobs.models import Event, Job
from ledger.models import Invocation

from .. import evidence, record, search
from ..asking import refuse, uuid
from ..evidence.walking import BACK, FORWARD, walked
from ..models import Mention

MOST = 20  # effects that one question answers, and jobs of a page
KINDS = ("document", "person", "model")
FILTER = {"document": "document", "person": "actor", "model": "model"}
EFFECTS = frozenset({"tool", "model_call", "compensation", "approval", "child", "output", "job"})


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


def who(tenant: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Who had the AI do something: of every effect that the one word in hand means, the newest first.

    Args:
        tenant: whose record.
        given: one of `key` (idempotency or business key), `invocation` (ledger id), `reference` (a text that the tool
            returned).

    Returns:
        `{results, behind}`: what `evidence.who` gives for each, and how many events the index does not know yet.

    Raises:
        Invalid: not exactly one is given.
        NotFound: nothing on record is meant by it.
    """
    name, word = _one(given, ("key", "invocation", "reference"))
    lines, behind = _lines(tenant, name, word)
    found = [_answered(tenant, line) for line in lines]
    if not found:
        raise NotFound(
            f"nothing on record has the {name} {word[:80]!r}; `aetheris search --of effects` looks more widely"
        )
    return {"results": found, "behind": behind}


def _one(given: Mapping[str, str], names: Iterable[str]) -> tuple[str, str]:
    told = [(name, given[name]) for name in names if given.get(name)]
    if len(told) != 1:
        raise refuse(next(iter(names)), f"give exactly one of {', '.join(names)}")
    return told[0]


def _lines(tenant: str, name: str, word: str) -> tuple[list[Invocation], int]:
    rows = Invocation.objects.filter(tenant=tenant).order_by("-promised_at", "-id")
    if name == "invocation":
        return list(rows.filter(id=uuid({name: word}, name) or "")), 0
    if name == "key":
        return _distinct(rows.filter(idempotency_key=word), rows.filter(business_key=word)), 0
    search.catch_up(search.FRESHEN)
    named = Mention.objects.filter(tenant=tenant, kind="reference", value=word).order_by(
        "-at", "-job_id", "-seq"
    )
    found: list[Invocation] = []
    for job, seq in named.values_list("job_id", "seq")[:MOST]:
        node = Event.objects.filter(job_id=job, seq=seq).values_list("node", flat=True).first()
        found += rows.filter(job_id=job, node=node)
    return list(dict.fromkeys(found))[:MOST], search.behind()


def _distinct(*some: QuerySet[Invocation]) -> list[Invocation]:
    return list(dict.fromkeys(line for rows in some for line in rows[:MOST]))[:MOST]


def _answered(tenant: str, line: Invocation) -> dict[str, Any]:
    graph = graph_of_job(Job.objects.get(tenant=tenant, id=line.job_id))
    nodes = evidence.matching(graph, str(line.id)) or [f"step/{line.node}"]
    return evidence.who(graph, nodes[0])


def why(tenant: str, job: Job, word: str) -> dict[str, Any]:
    """What an effect came of: the part of its job's graph that leads to it.

    Args:
        tenant: whose record.
        job: the effect's job.
        word: id of a node, step, invocation, approval, a key, or a text that a tool returned.

    Returns:
        The graph's part, with `of` (the nodes that are meant), the `distance` and `how` of each node, and `beyond`: other
        jobs from which something came.

    Raises:
        NotFound: nothing in the job is meant by it.
    """
    graph = graph_of_job(job)
    starts = evidence.matching(graph, word) or _returned(tenant, job, graph, word)
    if not starts:
        raise NotFound(
            f"nothing in job {job.id} is meant by {word[:80]!r}; `aetheris evidence {job.id}` lists its nodes"
        )
    return walked(graph, starts, BACK)


def _returned(tenant: str, job: Job, graph: dict[str, Any], word: str) -> list[str]:
    lines, _ = _lines(tenant, "reference", word)
    return [
        found for line in lines if line.job_id == job.id for found in evidence.matching(graph, str(line.id))
    ]


def followed(tenant: str, given: Mapping[str, str], cursor: str | None, limit: int) -> dict[str, Any]:
    """What followed from a document, a person or a model, across jobs, the newest job first.

    Args:
        tenant: whose record.
        given: one of `document`, `person`, `model`; and `since`, `until`.
        cursor: of an earlier page.
        limit: jobs of the page.

    Returns:
        `{next, previous, results, behind}`; of each job what it is, the nodes from which it begins, and every call,
        approval, child and end that came of them, each with its distance and how that is known.

    Raises:
        Invalid: not exactly one is given, or the search would have to read too much.
    """
    kind, word = _one(given, KINDS)
    times = {name: given[name] for name in ("since", "until") if given.get(name)}
    page = search.search(tenant, {"of": "jobs", FILTER[kind]: word, **times}, cursor, limit)
    jobs = {
        str(job.id): job
        for job in Job.objects.filter(tenant=tenant, id__in=[each["job"] for each in page["results"]])
    }
    told = [_followed(jobs[each["job"]], kind, word) for each in page["results"] if each["job"] in jobs]
    return {**page, "results": told}


def _followed(job: Job, kind: str, word: str) -> dict[str, Any]:
    about = {"job": str(job.id), "agent": job.agent, "version": job.version, "status": job.status}
    try:
        graph = graph_of_job(job)
    except Illegal as broken:
        return {**about, "of": [], "effects": [], "beyond": [], "problem": str(broken)}
    found = walked(graph, evidence.named(graph, kind, word), FORWARD)
    effects = [each for each in found["nodes"] if each["kind"] in EFFECTS and each["id"] not in found["of"]]
    return {**about, "of": found["of"], "effects": effects, "beyond": found["beyond"], "problem": None}
