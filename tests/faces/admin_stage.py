"""A stage for the admin's tests: people, and jobs brought by real commands to where a page is worth a look."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from jobs import clock, store
from jobs.core.commands import Actor, AdoptPlan, CreateJob, Outcome, Promise, SendMessage, StartNode, Tell
from jobs.core.ids import idempotency_key
from jobs.core.moments import plus, text
from jobs.core.state import PLAN_STEP
from jobs.models import Approval, Worker
from jobs.services import actor_of, cancel, prune
from jobs.services.submitting import new_id

OPERATOR = (
    "view_job", "view_worker", "view_definition", "view_delivery", "submit_job", "signal_job", "control_job",
    "resolve_effect", "view_invocation",
)  # fmt: skip

OFFICER = ("view_job", "view_hold", "view_tombstone", "hold_job", "erase_job", "prune_job")


def person(*permissions: str, group: str = "", staff: bool = True) -> User:
    """A user with these permissions."""
    name = f"person-{uuid4().hex[:8]}"
    user = User.objects.create_user(
        name, is_staff=staff
    )  # no password: hashing one takes longer than most tests
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    if group:
        user.groups.add(Group.objects.get_or_create(name=group)[0])
    return User.objects.get(pk=user.pk)


def operator() -> User:
    """Somebody who may look and act."""
    return person(*OPERATOR)


def browser(user: User) -> Client:
    """A browser that is logged in and, like a real one, needs the CSRF token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    return client


def post(client: Client, url: str, data: dict[str, Any], *, page: str | None = None) -> Any:
    """Fill in and send the form of a page, following to where it leads."""
    client.get(page or url)
    token = client.cookies["csrftoken"].value
    return client.post(url, {**data, "csrfmiddlewaretoken": token}, follow=True)


def worker() -> str:
    """A living worker."""
    now = clock.now()
    row = Worker.objects.create(
        id=uuid4(), name=f"worker-{uuid4().hex[:6]}@host", host="host", pid=7, started="1", registered_at=now,
        alive_until=now,
    )  # fmt: skip
    return str(row.id)


def job(
    *nodes: dict[str, Any], goal: Any = None, actor: Actor | None = None, on_failure: str = "fail"
) -> str:
    """A planned job with these nodes."""
    who = actor or Actor(id="asker", name="asker")
    wish = CreateJob(
        job=str(new_id()), agent="stage", version="1", goal=goal or {"n": 1}, actor=who, on_failure=on_failure
    )
    store.create(wish)
    me = worker()
    state = store.commit(wish.job, StartNode(PLAN_STEP, me), worker=me).state
    plan = {"format": 1, "nodes": list(nodes), "output": None}
    store.commit(wish.job, AdoptPlan(state.nodes[PLAN_STEP].fence, plan))
    return wish.job


def waiting(name: str = "go", **more: Any) -> dict[str, Any]:
    """A node that waits for a signal."""
    return {"id": f"wait-{name}", "kind": "wait", "signal": name, **more}


def asking(**more: Any) -> dict[str, Any]:
    """An approval node that shows an order."""
    node = {
        "id": "ask",
        "kind": "approval",
        "question": "Refund?",
        "show": {"order": {"$lit": {"id": "A-7"}}},
    }
    return {**node, "groups": ["finance"], **more}


def paying() -> dict[str, Any]:
    """A call that waits for the approval."""
    return {"id": "pay", "kind": "tool", "tool": "pay_back", "args": {"cents": 1200}, "after": ["ask"]}


def approval_of(job_id: str) -> str:
    """The id of the job's one open approval."""
    return str(Approval.objects.get(job_id=job_id, state="open").id)


def unknown_call(*, actor: Actor | None = None, args: Any = None) -> tuple[str, str]:
    """A job whose one call ended so that nobody knows what became of it; its id, and that of the call."""
    job_id = job({"id": "pay", "kind": "tool", "tool": "pay_back", "args": {"cents": 1200}}, actor=actor)
    me, given = worker(), args or {"cents": 1200}
    promise = Promise(
        tool="pay_back", version="1", schema="s", effect="at_most_once", key=idempotency_key(job_id, "pay"),
        args=given, deadline=plus(text(clock.now()), 60.0), business_key=f"pay:{job_id}", holds=True,
    )  # fmt: skip
    state = store.commit(job_id, StartNode("pay", me, promise), worker=me).state
    broken = Outcome(
        "raised", error={"class": "ConnectionReset", "message": "the line went dead"}, seconds=0.5
    )
    asked = state.calls["pay"]
    store.commit(job_id, Tell("pay", asked.fence, "pay", asked.attempt, broken))
    return job_id, str(asked.info["invocation"])


def ended(actor: Actor, **more: Any) -> str:
    """A job that was cancelled, and so has ended."""
    found = job(waiting(), actor=actor, **more)
    cancel(found, actor=replace(actor, may=frozenset({"control"})))
    return found


def pruned(actor: Actor) -> str:
    """The id of a job that was pruned."""
    found = ended(actor)
    prune(found, reason="kept long enough", actor=actor)
    return found


def actor(user: Any) -> Actor:
    """A user as an actor."""
    return actor_of(user)


def letters(turn: int) -> tuple[SendMessage, SendMessage]:
    """Two messages that nobody waits for: two events."""
    who = Actor(id="writer", name="writer")
    return SendMessage("news", turn, f"{turn}-a", who), SendMessage("news", turn, f"{turn}-b", who)


def new_uuid() -> str:
    """An id of nothing."""
    return str(uuid4())
