"""Approvals: one person's decision on exactly what was shown."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model

from .. import clock, store
from ..actors import actor_of, system
from ..attachments import refuse_changed
from ..core.commands import Actor, Vote
from ..core.errors import Invalid, NotFound
from ..models import Approval
from . import delivering, payloads


def decide(
    approval: str | UUID, decision: str, *, digest: str, actor: Actor, comment: str = "", form: Any = None
) -> Approval:
    """Approve or reject.

    Args:
        approval: its id.
        decision: `approve` or `reject`.
        digest: digest of what the person was shown; a changed question is refused.
        actor: who decides.
        comment: kept with the decision.
        form: the answer to the approval's form, if it has one.

    Returns:
        The approval's row after the decision.

    Raises:
        NotFound; NotAllowed: not asked, four eyes, voted already; Stale: closed, past its deadline or changed; Invalid.
    """
    row = _row(approval, actor)
    if decision == "approve" and row.state == "open":
        refuse_changed(row)
    schema = json.loads(row.form)
    plain = payloads.checked(form, "the form")
    filled = payloads.fitting(plain, schema) if decision == "approve" else plain
    words = payloads.checked(comment, "the comment")
    wish = Vote(
        approval=str(row.id), decision=decision, digest=digest, actor=actor, comment=words, form=filled
    )
    if not delivering.postponed(row.job_id, "vote", wish, actor):
        store.commit(row.job_id, wish, now=clock.database_now())
        row.refresh_from_db()
    return row


def delegate(approval: str | UUID, to: str, *, digest: str, actor: Actor, comment: str = "") -> Approval:
    """Hand one's vote to another user, who then has it instead.

    Args:
        approval: its id.
        to: name of an active user who is not asked already.
        digest: digest of what the person was shown.
        actor: whose vote it is.
        comment: kept with the delegation.

    Returns:
        The approval's row afterwards.

    Raises:
        NotFound; NotAllowed: not asked, voted already, or `to` is the requester under four eyes; Stale: closed, past its
        deadline or changed; Invalid: there is no such user, or they have a vote of their own.
    """
    row = _row(approval, actor)
    users = get_user_model()
    user = users._default_manager.filter(**{users.USERNAME_FIELD: to}, is_active=True).first()
    # Whether there is such a user is told only to those who may delegate: the core asks that first.
    wish = Vote(
        approval=str(row.id), decision="delegate", digest=digest, actor=actor,
        comment=payloads.checked(comment, "the comment"), to=actor_of(user, actor.tenant) if user is not None else None,
    )  # fmt: skip
    if not delivering.postponed(row.job_id, "vote", wish, actor):
        store.commit(row.job_id, wish, now=clock.database_now())
        row.refresh_from_db()
    return row


def _row(approval: str | UUID, actor: Actor) -> Approval:
    try:
        found = Approval.objects.filter(id=UUID(str(approval)), tenant=actor.tenant).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound(f"there is no approval {approval}")
    return found


def _target(target: str | UUID, actor: Actor) -> Approval:
    """The approval of that id, or the one open approval of the job of that id."""
    try:
        key = UUID(str(target))
    except ValueError:
        raise NotFound(f"there is no approval or job {target!r}") from None
    row = Approval.objects.filter(id=key, tenant=actor.tenant).first()
    if row is not None:
        return row
    rows = list(Approval.objects.filter(job_id=key, tenant=actor.tenant, state="open")[:10])
    if not rows:
        raise NotFound(f"there is no approval {target}, and no job {target} that waits for one")
    if len(rows) > 1:
        ids = ", ".join(str(each.id) for each in rows)
        raise Invalid(f"job {target} waits for several approvals, name one: {ids}", code="several_approvals")
    return rows[0]


def approve(
    target: str | UUID,
    *,
    actor: Actor | None = None,
    digest: str | None = None,
    comment: str = "",
    form: Any = None,
) -> Approval:
    """Approve by approval id, or by the id of a job with one open approval. Errors as for `decide`."""
    who = actor or system()
    row = _target(target, who)
    return decide(row.id, "approve", digest=digest or row.digest, actor=who, comment=comment, form=form)


def reject(
    target: str | UUID, *, actor: Actor | None = None, digest: str | None = None, comment: str = ""
) -> Approval:
    """Reject by approval id, or by the id of a job with one open approval. Errors as for `decide`."""
    who = actor or system()
    row = _target(target, who)
    return decide(row.id, "reject", digest=digest or row.digest, actor=who, comment=comment)
