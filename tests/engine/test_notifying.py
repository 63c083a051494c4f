"""People are told of approvals by mail: whom, of what, when, and never twice."""

from __future__ import annotations

import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from jobs import approve, cancel, clock, reject, services
from jobs.models import Approval, Job, Notice
from jobs.notifying import AGENT
from jobs.services import actor_of
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.engine.driving import after
from tests.engine.telling import Room, approval_of, mails_to, switch_on, told_of
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture(autouse=True)
def _on(settings: Any) -> None:
    switch_on(settings, remind=["1d", "1h"])


def subjects(*users: Any) -> list[str]:
    return [each.subject for each in mails_to(mail.outbox, *users)]


def test_those_who_may_decide_are_told_with_question_link_and_digest() -> None:
    room = Room()
    ann, bob = room.join(), room.join()
    job = room.ask(deadline="3d")
    told_of(job)
    assert subjects(ann) == subjects(bob) == ["Your decision is needed: Pay 12.00 EUR?"]
    said, row = mails_to(mail.outbox, ann)[0], approval_of(job)
    assert said.to == [ann.email], "nobody sees who else was told"
    for text in (said.body, said.alternatives[0].content):
        assert "Pay 12.00 EUR?" in text
        assert f"https://agents.example.com/approvals/{row.id}" in text
        assert row.digest in text
        assert "UTC" in text, "the deadline"


def test_the_deadline_is_said_in_the_readers_zone(settings: Any) -> None:
    switch_on(settings, zone="tests.engine.test_notifying:zone_of_ann")
    room = Room()
    ann = room.join()
    told_of(room.ask(deadline="2040-01-31T12:00:00Z"))
    assert "2040-01-31 13:00 CET (Europe/Vienna), 2040-01-31 12:00 UTC" in mails_to(mail.outbox, ann)[0].body


def zone_of_ann(user: Any) -> str:
    return "Europe/Vienna"


def test_nobody_is_told_twice_however_often_the_notices_are_looked_at() -> None:
    room = Room()
    ann = room.join()
    job = room.ask()
    [notice] = Notice.objects.filter(job_id=job)
    told_of(job)
    notice.save(force_insert=True)  # it was not removed: the process died in between
    states = told_of(job)
    assert len(states) == len(mails_to(mail.outbox, ann)) == 1


def test_a_mail_is_promised_before_it_is_sent_and_settled_after() -> None:
    room = Room()
    ann = room.join()
    [state] = told_of(room.ask())
    line = Invocation.objects.get(job_id=state.job)
    assert (line.tool, line.effect, line.state) == ("notify_mail", "at_most_once", "landed")
    assert line.business_key is not None
    assert str(ann.pk) in line.business_key
    assert ann.email not in line.args + str(line.result), "the record holds no address"


def test_the_requester_is_not_asked_under_four_eyes_and_hears_the_decision() -> None:
    room = Room()
    ann, bob = room.join(is_superuser=True), room.join()
    job = room.ask(by=ann, four_eyes=True)
    told_of(job)
    assert subjects(ann) == []
    approve(job, actor=actor_of(bob), comment="fine")
    told_of(job)
    assert subjects(ann) == [f"Approved by {bob.username}: Pay 12.00 EUR?"]
    assert "fine" in mails_to(mail.outbox, ann)[0].body
    assert len(subjects(bob)) == 1, "who decided knows it"


def test_a_rejection_says_so() -> None:
    room = Room()
    ann, bob = room.join(is_superuser=True), room.join()
    job = room.ask(by=ann)
    reject(job, actor=actor_of(bob))
    told_of(job)
    assert subjects(ann) == [f"Rejected by {bob.username}: Pay 12.00 EUR?"], "and nobody is asked any more"
    assert subjects(bob) == []


def test_a_reminder_comes_at_each_declared_time_to_those_who_have_not_voted() -> None:
    room = Room()
    ann, bob = room.join(), room.join()
    job = room.ask(deadline="3d", quorum=2)
    told_of(job)
    assert Notice.objects.filter(job_id=job).count() == 2
    approve(job, actor=actor_of(ann))
    clock.shift(2 * 24 * 3600 + 60)
    told_of(job)
    clock.shift(23 * 3600)
    told_of(job)
    assert subjects(ann) == ["Your decision is needed: Pay 12.00 EUR?"]
    assert subjects(bob)[1:] == [
        "Reminder, 1d before the deadline: Pay 12.00 EUR?", "Reminder, 1h before the deadline: Pay 12.00 EUR?",
    ]  # fmt: skip


def test_a_decision_ends_the_reminders() -> None:
    room = Room()
    ann = room.join()
    job = room.ask(deadline="3d")
    approve(job, actor=actor_of(ann))
    told = Notice.objects.filter(job_id=job).values_list("occasion", flat=True)
    assert "reminder" not in list(told)


def test_a_reminder_that_would_come_at_once_is_none() -> None:
    room = Room()
    room.join()
    job = room.ask(deadline="30m")
    assert list(Notice.objects.filter(job_id=job).values_list("occasion", flat=True)) == ["asked"]


def test_a_delegate_is_told_and_nobody_else() -> None:
    room, other = Room(), Room()
    ann, bob, eve = room.join(), room.join(), other.join()
    job = room.ask()
    told_of(job)
    row = approval_of(job)
    services.delegate(row.id, eve.username, digest=row.digest, actor=actor_of(ann), comment="you know more")
    told_of(job)
    assert subjects(eve) == [f"{ann.username} has handed you their vote: Pay 12.00 EUR?"]
    assert len(subjects(bob)) == 1


def test_an_escalation_tells_those_who_are_asked_now() -> None:
    room, board = Room(), Room()
    ann, cleo = room.join(), board.join()
    job = room.ask(deadline="2h", on_timeout="escalate", escalate_to=[board.name])
    told_of(job)
    after(job, 7201)
    told_of(job)
    assert subjects(cleo) == ["A question has been escalated to you: Pay 12.00 EUR?"]
    assert len(subjects(ann)) == 1


def test_an_expiry_tells_the_requester_and_those_who_let_it_pass() -> None:
    room = Room()
    ann, bob = room.join(is_superuser=True), room.join()
    job = room.ask(by=ann, deadline="30m", four_eyes=True)
    told_of(job)
    after(job, 1801)
    told_of(job)
    assert subjects(ann) == ["The deadline has passed, rejected: Pay 12.00 EUR?"]
    assert subjects(bob)[1:] == subjects(ann)


def test_a_withdrawn_question_needs_no_answer() -> None:
    room = Room()
    ann = room.join()
    job = room.ask()
    told_of(job)
    cancel(job, actor=person())
    run_until_parked(job)
    told_of(job)
    assert subjects(ann)[1:] == ["No decision is needed any more: Pay 12.00 EUR?"]


def test_who_has_no_address_or_is_not_active_harms_nobody() -> None:
    room = Room()
    room.join(email="")
    room.join(is_active=False)
    ann = room.join()
    states = told_of(room.ask())
    assert [state.status for state in states] == ["completed", "completed"]
    assert sorted(state.output["sent"] for state in states) == [False, True]
    assert len(subjects(ann)) == 1


def test_a_question_of_another_tenant_is_told_only_to_those_who_act_there() -> None:
    from jobs import TaskGraph, tokens
    from tests.factories import a_tenant

    room, tenant = Room(), a_tenant()
    ann, bob = room.join(), room.join()
    tokens.create(ann, tenant=tenant)
    graph = TaskGraph()
    graph.output(graph.approval("ask", question="Theirs?", groups=[room.name]))
    job = str(services.submit("drawn", {"graph": graph.to_json()}, actor=person(tenant=tenant)))
    run_until_parked(job)
    told_of(job)
    assert len(subjects(ann)) == 1
    assert subjects(bob) == []


class Refusing(EmailBackend):
    """A server that refuses the recipient for now, twice; then takes the mail."""

    left = 2

    def send_messages(self, messages: Any) -> int:
        if Refusing.left:
            Refusing.left -= 1
            raise smtplib.SMTPRecipientsRefused({messages[0].to[0]: (450, b"later")})
        return super().send_messages(messages)


class Vanishing(EmailBackend):
    """A server that hangs up in the middle."""

    def send_messages(self, messages: Any) -> int:
        super().send_messages(messages)
        raise smtplib.SMTPServerDisconnected("gone")


def test_a_server_that_refuses_for_now_is_asked_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    Refusing.left = 2
    room = Room()
    ann = room.join()
    [state] = told_of(room.ask())
    assert subjects(ann) == []
    after(state.job, 10)
    assert after(state.job, 60).status == "completed"
    assert len(subjects(ann)) == 1


def test_a_server_that_hangs_up_leaves_it_unknown_and_nothing_is_sent_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Vanishing"
    room = Room()
    ann = room.join()
    job = room.ask()
    [state] = told_of(job)
    assert state.status == "parked"
    assert Invocation.objects.get(job_id=state.job).state == "unknown"
    after(state.job, 100_000)
    assert len(subjects(ann)) == 1
    approve(job, actor=actor_of(ann))
    assert run_until_parked(job).status == "completed", "the job that asks does not mind"


def test_nothing_is_told_unless_it_is_switched_on(settings: Any) -> None:
    settings.AETHERIS = {key: value for key, value in settings.AETHERIS.items() if key != "NOTIFY"}
    room = Room()
    room.join()
    job = room.ask(deadline="3d")
    assert not Notice.objects.filter(job_id=job).exists()
    assert told_of(job) == []


def test_a_fork_tells_of_its_own_question_and_not_of_the_old_ones() -> None:
    room = Room()
    ann = room.join()
    job = room.ask(deadline="3d")
    told_of(job)
    head = Job.objects.get(id=job).head_seq
    cancel(job, actor=person())
    run_until_parked(job)
    told_of(job)
    before = len(subjects(ann))
    born = str(services.fork(job, at=head, actor=person()))
    run_until_parked(born)
    told_of(born)
    assert Approval.objects.filter(job_id=born, state="open").count() == 1
    assert subjects(ann)[before:] == ["Your decision is needed: Pay 12.00 EUR?"]


def test_a_notification_tells_nobody_of_itself() -> None:
    room = Room()
    room.join()
    [state] = told_of(room.ask())
    assert Job.objects.get(id=state.job).agent == AGENT
    assert not Notice.objects.filter(job_id=state.job).exists()
