"""What stored jobs answer: who had the AI do what, why it was done, and what followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from jobs.core.errors import Illegal, NotFound
from jobs.models import Event, Job
from jobs.tombstones import refuse_gone
from ledger.canonical import erased_key
from ledger.models import Invocation

from .. import evidence, search
from ..asking import refuse, uuid
from ..evidence.walking import BACK, FORWARD, walked
from ..models import Mention
from .across import Sees, Stored, effects_across, effects_of, toured
from .reading import graph_of_job

MOST = 20  # effects that one question answers, and jobs of a page
FURTHER = 20  # jobs to which one of them leads
KINDS = ("document", "person", "model")
FILTER = {"document": "document", "person": "actor", "model": "model"}


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
        NotFound: nothing on record is meant by it. Gone: the job that it means was pruned.
    """
    name, word = _one(given, ("key", "invocation", "reference"))
    lines, behind = _lines(tenant, name, word)
    there = {row.id: row for row in Job.objects.filter(tenant=tenant, id__in=[line.job_id for line in lines])}
    found = [_answered(there[line.job_id], line) for line in lines if line.job_id in there]
    if not found:
        for line in lines:  # a line that holds a business key outlives its job
            refuse_gone(tenant, line.job_id)
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
        known = (word, erased_key(word))  # the digest is what an erased or pruned job leaves of its key
        return _distinct(rows.filter(idempotency_key=word), rows.filter(business_key__in=known)), 0
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


def _answered(job: Job, line: Invocation) -> dict[str, Any]:
    graph = graph_of_job(job)
    nodes = evidence.matching(graph, str(line.id)) or [f"step/{line.node}"]
    return evidence.who(graph, nodes[0])


def why(
    job: Job, word: str, *, sees: Sees | None = None, cursor: str | None = None, limit: int = MOST
) -> dict[str, Any]:
    """What an effect came of: the part of its job's graph that leads to it, and the parts of other jobs' graphs.

    Args:
        job: the effect's job, which the viewer may see.
        word: id of a node, step, invocation, approval, a key, or a text that a tool returned.
        sees: whether the viewer may see another job of the tenant.
        cursor: of an earlier page of other jobs.
        limit: other jobs of the page.

    Returns:
        The graph's part, with `of` (the nodes that are meant), the `distance` and `how` of each node, `beyond` (other jobs
        from which something came), and `across`: what `across.walk` gives of these, near and far.

    Raises:
        NotFound: nothing in the job is meant by it. Invalid: no such page.
    """
    source = Stored(job.tenant, sees)
    graph = source.admit(job)
    starts = evidence.matching(graph, word) or _returned(job, graph, word)
    if not starts:
        raise NotFound(
            f"nothing in job {job.id} is meant by {word[:80]!r}; `aetheris evidence {job.id}` lists its nodes"
        )
    begun = [(str(job.id), each) for each in starts]
    across, found = toured(source, begun, BACK, cursor, limit)
    return {**walked(graph, starts, BACK, found[str(job.id)]), "across": across}


def _returned(job: Job, graph: Mapping[str, Any], word: str) -> list[str]:
    lines, _ = _lines(job.tenant, "reference", word)
    return [
        found for line in lines if line.job_id == job.id for found in evidence.matching(graph, str(line.id))
    ]


def followed(
    tenant: str, given: Mapping[str, str], cursor: str | None, limit: int, *, sees: Sees | None = None
) -> dict[str, Any]:
    """What followed from a document, a person or a model, across jobs, the newest job first.

    Args:
        tenant: whose record.
        given: one of `document` (its id or digest), `person`, `model` (as asked for, or the version that answered); and
            `since`, `until`.
        cursor: of an earlier page.
        limit: jobs of the page.
        sees: whether the viewer may see a job of the tenant.

    Returns:
        `{next, previous, results, behind}`; of each job that names it what it is, the nodes from which it begins, every
        call, approval, child and end that came of them, each with its distance and how that is known; and `across`: the
        same of the jobs in which something came of that, `cut` where these are too many.

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
    source = Stored(tenant, sees)
    told = [
        _followed(source, jobs[each["job"]], kind, word) for each in page["results"] if each["job"] in jobs
    ]
    return {**page, "results": told}


def _followed(source: Stored, job: Job, kind: str, word: str) -> dict[str, Any]:
    about = {
        "job": str(job.id),
        "agent": job.agent,
        "version": job.version,
        "status": job.status,
        "problem": None,
    }
    nothing: dict[str, Any] = {"of": [], "effects": [], "beyond": [], "across": [], "cut": False}
    if source.sees is not None and not source.sees(job):
        return {
            **about,
            "agent": "",
            "version": "",
            "status": "",
            **nothing,
            "problem": "you may not see this job",
        }
    try:
        graph = source.admit(job)
    except Illegal as broken:
        return {**about, **nothing, "problem": str(broken)}
    starts = evidence.named(graph, kind, word)
    across, cut, ways = effects_across(source, str(job.id), starts, FURTHER)
    found = walked(graph, starts, FORWARD, ways)
    effects = [each for each in effects_of(found["nodes"]) if each["id"] not in found["of"]]
    return {
        **about,
        "of": found["of"],
        "effects": effects,
        "beyond": found["beyond"],
        "across": across,
        "cut": cut,
    }
