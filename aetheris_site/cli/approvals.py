"""`approvals`, `approve`, `reject`: questions to people, and their answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from .address import APPROVER
from .failures import Failure, Missing, Refused
from .options import JSON, Verb, value_of
from .output import Columns, document, record, table
from .paths import part
from .reading import approval_pairs
from .session import Session
from .words import clip, line, moment

if TYPE_CHECKING:
    from .client import Api

Approval = Mapping[str, Any]
_PAST = {"approve": "approved", "reject": "rejected"}


@click.command(cls=Verb, example="aetheris approvals")
@click.option("--all", "everything", is_flag=True, help="Also those that are decided or withdrawn.")
@click.option("--mine", is_flag=True, help="Only those that wait for the answer of the token's user.")
@click.pass_obj
def approvals(session: Session, everything: bool, mine: bool) -> None:
    """List open questions to people."""
    state, whose = None if everything else "open", "true" if mine else None
    found = list(
        (session.api(APPROVER) if mine else session.api()).pages("/api/approvals", state=state, mine=whose)
    )
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Approval": lambda each: each["id"],
        "Job": lambda each: each["job"],
        "Node": lambda each: each["node"],
        "State": lambda each: each["state"],
        "Question": lambda each: clip(line(each["question"]), 60),
        "Deadline": lambda each: moment(each.get("deadline")),
    }
    table(found, columns, empty="Nothing waits for a person.")


def _answering(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both answers take."""
    for option in reversed(
        (
            click.argument("target", metavar="APPROVAL|JOB"),
            click.option("--comment", default="", help="Why; kept with the decision."),
            click.option("--digest", help="Decide only if this is the digest of what is shown."),
            click.option("--yes", is_flag=True, help="Do not ask; decide on what is shown now."),
            click.option(
                "--form", type=JSON, help="The filled-in form: JSON, @FILE, or - for standard input."
            ),
            click.pass_obj,
        )
    ):
        command = option(command)
    return command


@click.command(cls=Verb, example="aetheris approve 0197c1a2-… --comment 'checked with the customer'")
@_answering
def approve(session: Session, target: str, **answer: Any) -> None:
    """Answer yes to a question.

    APPROVAL is its id, JOB one with a single open question. Prints what is shown and sends its digest, so that
    the answer counts only for that.
    """
    _decide(session, "approve", target, **answer)


@click.command(cls=Verb, example="aetheris reject 0197c1a2-… --comment 'already refunded'")
@_answering
def reject(session: Session, target: str, **answer: Any) -> None:
    """Answer no to a question.

    APPROVAL is its id, JOB one with a single open question. Prints what is shown and sends its digest, so that
    the answer counts only for that.
    """
    _decide(session, "reject", target, **answer)


@click.command(cls=Verb, example="aetheris delegate 0197c1a2-… eve --comment 'on leave until Monday'")
@click.argument("target", metavar="APPROVAL|JOB")
@click.argument("user")
@click.option("--comment", default="", help="Why; kept with the delegation.")
@click.option("--digest", help="Delegate only if this is the digest of what is shown.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delegate(session: Session, target: str, user: str, comment: str, digest: str | None, yes: bool) -> None:
    """Hand your vote on a question to another user, who has it from then on."""
    if not (digest or yes or session.has_person):
        raise click.UsageError("Nobody is here to ask: give --digest (of what you have seen) or --yes.")
    api = session.api(APPROVER)
    asked = _find(api, target)
    record(approval_pairs(asked), beside=session.json)
    is_open = asked["state"] == "open"
    if is_open and not (digest or yes) and not click.confirm(f"Let {user} decide instead of you?", err=True):
        raise Failure("Nothing was delegated", code="not_confirmed")
    body = {"to": user, "digest": digest or asked["digest"], "comment": comment}
    answer = api.post(f"/api/approvals/{part(asked['id'])}/delegate", body)
    if session.json:
        document(answer)
    else:
        click.echo(f"Your vote is {user}'s now.")


def _decide(
    session: Session, decision: str, target: str, *, comment: str, digest: str | None, yes: bool, form: Any
) -> None:
    if not (digest or yes or session.has_person):
        raise click.UsageError(
            f"Nobody is here to ask: give --digest (of what you have seen) or --yes to {decision} unseen."
        )
    api = session.api(APPROVER)
    asked = _find(api, target)
    record(approval_pairs(asked), beside=session.json)
    is_open = asked["state"] == "open"  # if not, the server says why it refuses
    if is_open and not (digest or yes) and not click.confirm(f"{decision.capitalize()}?", err=True):
        raise Failure("Nothing was decided", code="not_confirmed")
    body = {"decision": decision, "digest": digest or asked["digest"], "comment": comment}
    if form is not None:
        body["form"] = value_of(form)
    _told(session, decision, asked, api.post(f"/api/approvals/{part(asked['id'])}/decide", body))


def _find(api: Api, target: str) -> Approval:
    """The question that is meant: the one with that id, else the single open one of that job.

    Raises:
        Failure: there is neither, or the job has several.
    """
    try:
        found: Approval = api.get(f"/api/approvals/{part(target)}")
    except Missing:
        return _of_job(api, target)
    return found


def _of_job(api: Api, job: str) -> Approval:
    asked: list[Approval] = list(api.pages("/api/approvals", state="open", job=job))
    if len(asked) == 1:
        return asked[0]
    if not asked:
        raise Refused(
            f"Job {job} asks nothing now",
            code="no_open_approval",
            advice="`aetheris approvals --all` lists what was asked.",
        )
    ids = ", ".join(f"{each['id']} ({each['node']})" for each in asked)
    raise Refused(
        f"Job {job} asks {len(asked)} questions: {ids}",
        code="ambiguous",
        advice="Name one of them instead of the job.",
    )


def _told(session: Session, decision: str, asked: Approval, answer: Any) -> None:
    if session.json:
        document(answer)
        return
    state = answer.get("state") if isinstance(answer, Mapping) else None
    done = f"Your answer ({_PAST[decision]}) is recorded"
    click.echo(f"{done}; more are needed." if state == "open" else f"{done}. Job {asked['job']} goes on.")
