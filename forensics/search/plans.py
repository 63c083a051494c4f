"""How a search is answered: which filter an index serves, and what the others ask of the rows it gives.

One filter alone is served by its index, however many rows there are. Of several, the first that leaves few enough rows
is served by its index and the others look at those; where none does, or where no index knows a filter, the search is
refused with advice, and nothing is read whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from jobs.core.chain import canonical
from jobs.models import Approval, Event, Job
from ledger import encryption
from ledger.models import Invocation

from ..asking import refuse
from ..models import Mention
from .lanes import TARGETS, Alternative, Lane, Target, as_column, names_in
from .mentions import WIDTH
from .question import NAMED, OF_JOB, STATES, Question

MOST_JOBS = 500
# What is said in which texts of a row.
TEXTS = {
    "events": ("body",),
    "jobs": ("goal", "output", "error"),
    "effects": ("args", "result", "error"),
    "approvals": ("question", "shown", "votes"),
}
# Of these a job is born with what they name; the others any event of it may name.
OF_BIRTH = ("tag", "requester")


def lanes_of(question: Question) -> list[Lane]:
    """The lanes that answer a search, every filter applied.

    Raises:
        Invalid: it would have to read too much.
    """
    target = TARGETS[question.of]
    indexed, others = _alternatives(question, target), _others(question, target)
    timed = [_timed(question, target, each) for each in indexed]
    if not timed:
        default = _timed(question, target, Alternative("time", _all(question, target)))
        return default.lanes if not others else _checked(question, [default], others)
    if len(timed) == 1 and not others:
        return timed[0].lanes
    return _checked(question, timed, others)


def _timed(question: Question, target: Target, alternative: Alternative) -> Alternative:
    since, until = (as_column(target, question.get(name)) for name in ("since", "until"))
    lanes = [lane.between(since, until) for lane in alternative.lanes]
    return Alternative(alternative.name, lanes, alternative.condition)


def _checked(question: Question, alternatives: list[Alternative], others: Q) -> list[Lane]:
    """The first alternative that is narrow enough, with every other filter as a condition."""
    for chosen in alternatives:
        if chosen.name not in ("job", "invocation") and chosen.size() > Alternative.enough:
            continue
        condition = others
        for each in alternatives:
            condition &= each.condition if each is not chosen else Q()
        return [lane.where(condition) for lane in chosen.lanes]
    raise refuse(
        "since",
        f"this search would read more than {Alternative.enough:,} rows; narrow the time with since and until, or add a "
        "filter that fewer rows meet",
        code="search_too_wide",
    )


def _all(question: Question, target: Target) -> list[Lane]:
    """Every row in the order of time: by one index, or by one lane for each word of a closed set."""
    rows = target.model._default_manager.filter(tenant=question.tenant)
    if target.model is Event:
        return [Lane(rows.filter(type=each), target.key) for each in question.types]
    if target.model is Approval:
        return [Lane(rows.filter(state=each), target.key) for each in STATES["approvals"]]
    if target.model is Invocation:
        return [Lane(rows.filter(tool=each), target.key) for each in names_in(rows, "tool", lambda _: True)]
    return [Lane(rows, target.key)]


def _alternatives(question: Question, target: Target) -> list[Alternative]:
    """The filters that an index serves, the narrowest kind first."""
    rows = target.model._default_manager.filter(tenant=question.tenant)

    def by(name: str, condition: Q) -> Alternative:
        within = "seq" if target.model is Event else ""  # of one job
        return Alternative(name, [Lane(rows.filter(condition), target.key, within)], condition)

    found = []
    if question.get("invocation"):
        found.append(by("invocation", _of_invocation(question, target)))
    if job := question.get("job"):
        found.append(by("job", Q(**{target.of_job: job})))
    if target.model is Invocation and (key := question.get("key")):
        found.append(by("key", Q(business_key=key) | Q(idempotency_key=key)))
    found += _own(question, target, rows)
    found += [
        _named(question, target, name) for name in NAMED if question.get(name) and not _is_own(target, name)
    ]
    return found


def _own(question: Question, target: Target, rows: QuerySet[Any]) -> list[Alternative]:
    """Filters on columns of the row itself."""
    found = []
    if target.model is Event and question.get("type"):
        lanes = [Lane(rows.filter(type=each), target.key) for each in question.types]
        found.append(Alternative("type", lanes, Q(type__in=question.types)))
    if target.model is Invocation and (tool := question.get("tool")):
        tools = names_in(rows, "tool", _fits(tool)) if tool.endswith("*") else [tool]
        lanes = [Lane(rows.filter(tool=each), target.key) for each in tools]
        found.append(Alternative("tool", lanes, Q(tool__in=tools)))
    if target.model is Approval and (state := question.get("state")):
        found.append(Alternative("state", [Lane(rows.filter(state=state), target.key)], Q(state=state)))
    if target.model is Job:
        for name in ("agent", "status"):
            if value := question.get(name):
                condition = Q(**{name: value})
                found.append(Alternative(name, [Lane(rows.filter(condition), target.key)], condition))
    elif any(question.get(name) for name in OF_JOB):
        found.append(_of_jobs(question, target, rows))
    return found


def _is_own(target: Target, name: str) -> bool:
    return target.model is Invocation and name in ("tool", "key")


def _fits(tool: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(tool[:-1])


# --- by what events name -------------------------------------------------------------------------------


def _named(question: Question, target: Target, name: str) -> Alternative:
    """A filter on what events name: the event itself, or the job of any other row."""
    mentions = _mentions(question, name)
    if target.model is Event and name not in OF_BIRTH:
        lanes = [Lane(each, target.key) for each in mentions]
        found = Q()
        for each in mentions:
            found |= Q(Exists(each.filter(job_id=OuterRef("job_id"), seq=OuterRef("seq"))))
        return Alternative(name, lanes, found)
    jobs = Q()
    for each in mentions:
        jobs |= Q(**{f"{target.of_job}__in": each.values("job_id")})
    rows = target.model._default_manager.filter(tenant=question.tenant).filter(jobs)
    return _Behind(name, [Lane(rows, target.key)], jobs, mentions)


class _Behind(Alternative):
    """Rows of the jobs that some mentions lead to: what it reads is the mentions, and then those rows."""

    def __init__(self, name: str, lanes: list[Lane], condition: Q, mentions: list[QuerySet[Mention]]) -> None:
        super().__init__(name, lanes, condition)
        self.mentions = mentions

    def size(self) -> int:
        """Mentions first: counting the rows behind too many of them would be what is to be avoided."""
        told = Alternative(self.name, [Lane(each, ("at",)) for each in self.mentions]).size()
        return told if told > self.enough else super().size()


def _mentions(question: Question, name: str) -> list[QuerySet[Mention]]:
    rows = Mention.objects.filter(tenant=question.tenant, kind=name)
    value = question[name]
    if name == "tool" and value.endswith("*"):
        return [rows.filter(value=each) for each in names_in(rows, "value", _fits(value))]
    return [rows.filter(value=value[:WIDTH])]


# --- by the job ----------------------------------------------------------------------------------------


def _of_jobs(question: Question, target: Target, rows: QuerySet[Any]) -> Alternative:
    """Rows of the jobs that have an agent, a version, a status: of so many jobs at most."""
    jobs = _jobs(question)
    ids = [row[0] for row in jobs.order_by("-created_at", "-id").values_list("id")[: MOST_JOBS + 1]]
    if len(ids) > MOST_JOBS:
        raise refuse(
            "since",
            f"more than {MOST_JOBS} jobs have that; narrow the time with since and until, or search of=jobs",
            code="search_too_wide",
        )
    condition = Q(job_id__in=ids)
    return Alternative("jobs", [Lane(rows.filter(condition), target.key)], condition)


def _jobs(question: Question) -> QuerySet[Job]:
    """The jobs that were about in the time that is asked for."""
    jobs = Job.objects.filter(tenant=question.tenant)
    jobs = jobs.filter(**{name: question[name] for name in OF_JOB if question.get(name)})
    if until := question.get("until"):
        jobs = jobs.filter(created_at__lt=as_column(TARGETS["jobs"], until))
    if since := question.get("since"):
        jobs = jobs.filter(updated_at__gte=as_column(TARGETS["jobs"], since))
    return jobs


def _of_invocation(question: Question, target: Target) -> Q:
    """The rows that belong to one call."""
    line = Invocation.objects.filter(tenant=question.tenant, id=question["invocation"]).first()
    if line is None:
        return Q(pk__in=[])
    if target.model is Invocation:
        return Q(id=line.id)
    if target.model is Event:
        return Q(job_id=line.job_id, node=line.node)
    return Q(**{target.of_job: line.job_id})


# --- what no index knows -------------------------------------------------------------------------------


def _others(question: Question, target: Target) -> Q:
    """Filters that look at each row."""
    found = Q()
    for name in ("node", "effect"):
        if value := question.get(name):
            found &= Q(**{name: value})
    if target.model is Invocation and (state := question.get("state")):
        found &= Q(state=state)
    if target.model is Job:
        for name in ("version", "outcome"):
            if value := question.get(name):
                found &= Q(**{name: value})
    # Votes that are encrypted cannot be looked into: then it is the approvals of the jobs in which the person decided.
    if target.model is Approval and (person := question.get("approver")) and not encryption.configured():
        told = canonical(person)
        found &= Q(votes__contains=f'"id":{told}') | Q(votes__contains=f'"name":{told}')
    if text := question.get("text"):
        found &= _saying(question.of, text)
    return found


def _saying(of: str, text: str) -> Q:
    """Rows in whose texts something stands; they are JSON, which writes what is not ASCII in its own way."""
    if encryption.configured():
        raise refuse(
            "text",
            "texts are encrypted at rest, so the database cannot look into them; search by what is named (a person, a "
            "document, a tool, a key), or narrow down to one job and read that",
            code="text_encrypted",
        )
    told = canonical(text)[1:-1]
    found = Q()
    for column in TEXTS[of]:
        found |= Q(**{f"{column}__icontains": told})
    return found
