"""What the rules look at, read from the record: bounded, each by an index."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from jobs import clock
from jobs.core.moments import parse, text
from jobs.models import Approval, Event, Job, Tombstone
from jobs.queries import stuck
from ledger.models import Invocation

from ..models import Mention
from ..search.lanes import names_in
from . import rules
from .rules import Anomaly, Vote

MOST = 5000  # rows of one signal; beyond them the list says that it is cut
PARKS = ("nobody_offers", "untaken", "overdue", "dead_worker", "late_approval", "undelivered")
CHUNK = 200  # jobs of one query
ERASED = "erased"
EFFECTS = ("at_most_once", "transactional")


class Scope:
    """What is looked at: a tenant's record since a moment, or one job's.

    `cut` names the signals of which only the newest part was read.
    """

    def __init__(self, tenant: str, since: str, job: str | None = None) -> None:
        self.tenant, self.since, self.job = tenant, since, job
        self.cut: set[str] = set()

    def events(self, *types: str) -> list[Event]:
        """Events of these types, the newest of each type; in the order of their time."""
        found: list[Event] = []
        for type in types:
            rows = Event.objects.filter(tenant=self.tenant, type=type)
            rows = rows.filter(job_id=self.job) if self.job else rows.filter(at__gte=self.since)
            found += self.most(rows.order_by("-at"), type)
        return sorted(found, key=lambda row: (row.at, row.seq))

    def most(self, rows: QuerySet[Any], name: str) -> list[Any]:
        """As many rows as a signal may read."""
        found = list(rows[: MOST + 1])
        if len(found) > MOST:
            self.cut.add(name)
        return found[:MOST]

    def lines(self, **where: Any) -> QuerySet[Invocation]:
        """Lines of the ledger."""
        rows = Invocation.objects.filter(tenant=self.tenant, **where)
        return rows.filter(job_id=self.job) if self.job else rows


def retry_loops(scope: Scope) -> Iterator[Anomaly]:
    """Steps that were tried again three times or more."""
    count: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], str] = {}
    for event in scope.events("node_retry_scheduled"):
        place = (str(event.job_id), event.node)
        count[place] += 1
        last[place] = event.at
    for (job, node), retries in count.items():
        if found := rules.retry_loop(job, node, retries, last[job, node]):
            yield found


def votes_of(scope: Scope) -> list[Vote]:
    """Decisions of people, in order."""
    events = [(event, _body(event)) for event in scope.events("approval_decided")]
    ids = {body["approval"] for _, body in events if body.get("approval")}
    asked = {str(row.id): row for row in _approvals(scope.tenant, ids)}
    votes = (_vote(event, body, asked.get(str(body.get("approval")))) for event, body in events)
    return [vote for vote in votes if vote is not None]


def _approvals(tenant: str, ids: Iterable[str]) -> Iterator[Approval]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), 500):
        yield from Approval.objects.filter(tenant=tenant, id__in=wanted[start : start + 500])


def _vote(event: Event, body: Mapping[str, Any], asked: Approval | None) -> Vote | None:
    """None where a deadline decided, or what was shown is not known any more."""
    actor = body.get("actor")
    if asked is None or not isinstance(actor, Mapping) or body.get("decision") not in ("approve", "reject"):
        return None
    person = str(actor.get("id"))
    seconds = (parse(event.at) - asked.requested_at).total_seconds()
    shown = len(asked.question) + len(asked.shown)
    name = str(actor.get("name") or person)
    return Vote(
        str(event.job_id), event.node, event.at, person, name, body["decision"], max(0.0, seconds), shown
    )


def hasty(votes: Iterable[Vote]) -> Iterator[Anomaly]:
    """Decisions that came too fast, and people who approve everything unread."""
    by: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        earlier = [each.seconds for each in by[vote.person]]
        if found := rules.fast_approval(vote, earlier):
            yield found
        by[vote.person].append(vote)
    for theirs in by.values():
        if stamp := rules.rubber_stamp(theirs):
            yield stamp


def unresolved(scope: Scope) -> Iterator[Anomaly]:
    """Calls of which nobody knows the outcome, by their age: since their deadline, when an answer was due."""
    now = clock.now()
    for line in scope.most(scope.lines(state="unknown").order_by("promised_at"), "unresolved_effect"):
        age = (now - line.promised_at).total_seconds()
        if found := rules.unresolved_effect(
            str(line.job_id), line.node, line.tool, age, text(line.promised_at)
        ):
            yield found


def parks(scope: Scope) -> Iterator[Anomaly]:
    """What does not go on by itself, as `system/stuck` tells it."""
    for each in stuck(scope.tenant):
        if each["cause"] in PARKS and scope.job in (None, each["job"]):
            yield Anomaly("stuck", "medium", each["job"], each["node"], each["since"] or "", each["why"],
                          {"cause": each["cause"], "advice": each["advice"]})  # fmt: skip


def divergences(scope: Scope) -> Iterator[Anomaly]:
    """Effects that the world does not show any more, and code that does not do what it did."""
    for event in scope.events("world_diverged"):
        call = _body(event).get("invocation", "")
        yield Anomaly("divergence", "high", str(event.job_id), event.node, event.at,
                      f"the world shows the effect of call {call} no more", {"invocation": call})  # fmt: skip
    for event in scope.events("node_failed"):
        error = _body(event).get("error")
        if isinstance(error, Mapping) and error.get("code") == "non_determinism":
            said = str(error.get("message") or "the code asked something else than is on record")
            yield Anomaly("divergence", "high", str(event.job_id), event.node, event.at, said[:300], {})


def effects_without_cause(scope: Scope) -> Iterator[Anomaly]:
    """Landed effects of which the job's history has no promise. An erased promise tells nothing either way."""
    lines = [line for line in _landed(scope) if line.effect == "at_most_once"]
    promised = _promises({line.job_id for line in lines})
    for line in lines:
        told = promised.get(line.job_id, set())
        if str(line.id) not in told and ERASED not in told:
            yield rules.without_cause(str(line.job_id), line.node, line.tool, text(line.promised_at))


def _promises(jobs: Iterable[UUID]) -> dict[UUID, set[str]]:
    """The calls that each job's history has promised."""
    found: dict[UUID, set[str]] = defaultdict(set)
    wanted = sorted(jobs)
    for start in range(0, len(wanted), CHUNK):
        rows = Event.objects.filter(job_id__in=wanted[start : start + CHUNK], type="tool_invocation_started")
        for event in rows:
            found[event.job_id].add(ERASED if event.body is None else str(_body(event).get("invocation")))
        gone = Tombstone.objects.filter(job_id__in=wanted[start : start + CHUNK])
        for job in gone.values_list("job_id", flat=True):
            found[job].add(ERASED)
    return found


def _landed(scope: Scope) -> list[Invocation]:
    """The newest landed effects, tool by tool: the ledger has an index by tool and time."""
    if scope.job:
        return list(scope.lines(state="landed", effect__in=EFFECTS))
    found: list[Invocation] = []
    for tool in names_in(Invocation.objects.filter(tenant=scope.tenant), "tool", lambda _: True):
        rows = scope.lines(tool=tool, promised_at__gte=parse(scope.since), state="landed", effect__in=EFFECTS)
        found += scope.most(rows.order_by("-promised_at"), "missing_evidence")
    return found


def uncited(scope: Scope) -> Iterator[Anomaly]:
    """Jobs that let a model decide on an effect and cite nothing, where other jobs of their agent cite."""
    landed = {line.job_id for line in _landed(scope)}
    jobs = _with_peers(scope, landed)
    asked = _naming(scope.tenant, "model", jobs)
    cited = _naming(scope.tenant, "document", jobs)
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs.values():
        if job.id in asked:
            groups[f"{job.agent}@{job.version}"].append(job)
    for agent, members in groups.items():
        citing = sum(job.id in cited for job in members)
        for job in members:
            if job.id in cited or (scope.job and str(job.id) != scope.job):
                continue
            at = text(job.created_at)
            if found := rules.missing_evidence(str(job.id), agent, len(members) - 1, citing, at):
                yield found


def _with_peers(scope: Scope, landed: set[UUID]) -> dict[UUID, Job]:
    """The jobs with a landed effect; of one job also the others of its agent that have one."""
    jobs = {job.id: job for job in Job.objects.filter(tenant=scope.tenant, id__in=landed)}
    if not scope.job or not jobs:
        return jobs
    (own,) = jobs.values()
    others = Job.objects.filter(tenant=scope.tenant, agent=own.agent, version=own.version).order_by(
        "-created_at"
    )
    newest = {job.id: job for job in others[:200]}
    told = Invocation.objects.filter(job_id__in=list(newest), state="landed", effect__in=EFFECTS)
    having = set(told.values_list("job_id", flat=True))
    return jobs | {id: job for id, job in newest.items() if id in having}


def _naming(tenant: str, kind: str, jobs: Iterable[UUID]) -> set[UUID]:
    """Those of the jobs that name something of a kind."""
    rows = Mention.objects.filter(tenant=tenant, kind=kind, job_id__in=list(jobs))
    return set(rows.values_list("job_id", flat=True).distinct())


def _body(event: Event) -> dict[str, Any]:
    """The event's body; nothing where it was erased or spoiled."""
    try:
        found = json.loads(event.body or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
