"""Webhooks are told of approvals: signed, with one id over all attempts, each in the ledger."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import approve
from jobs.core.errors import NotAllowed
from jobs.models import Event, Webhook
from jobs.services import actor_of, webhooks
from jobs.testing import run_until_parked
from ledger import vault
from ledger.models import Invocation
from tests.engine.driving import after
from tests.engine.telling import Room, approval_of, switch_on, told_of
from tests.factories import a_tenant, person
from tests.receiver import Receiver, receiving

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    switch_on(settings, private=["127.0.0.0/8"], mail=False)
    with receiving() as found:
        yield found


@pytest.fixture
def tenant() -> str:
    return a_tenant()


def manager(tenant: str) -> Any:
    from dataclasses import replace

    return replace(person(tenant=tenant), may=frozenset({"webhooks", "submit", "control"}))


def asking(tenant: str, room: Room, **options: Any) -> str:
    from jobs import TaskGraph, services

    graph = TaskGraph()
    graph.output(graph.approval("ask", question="Pay?", show={"n": 1}, groups=[room.name], **options))
    job = str(services.submit("drawn", {"graph": graph.to_json()}, actor=manager(tenant)))
    run_until_parked(job)
    return job


def signed_by(secret: str, headers: dict[str, str], body: bytes) -> bool:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return expected in headers["webhook-signature"].split(" ")


def test_a_webhook_is_told_and_can_check_who_told_it(there: Receiver, tenant: str) -> None:
    made = webhooks.add_webhook({"url": there.url}, manager(tenant))
    job = asking(tenant, Room(), deadline="3d")
    [state] = told_of(job)
    assert state.status == "completed"
    [(headers, body)] = there.got
    assert signed_by(made.secret, headers, body)
    said, row = json.loads(body), approval_of(job)
    assert said["type"] == "approval.asked"
    assert said["data"]["approval"] == str(row.id)
    assert said["data"]["digest"] == row.digest
    assert said["data"]["url"].endswith(f"/approvals/{row.id}")
    line = Invocation.objects.get(job_id=state.job)
    assert (line.effect, line.state) == ("idempotent", "landed")
    assert list(webhooks.deliveries_of(made.row)) == [line]


def test_a_receiver_that_is_busy_gets_the_same_message_under_the_same_id(
    there: Receiver, tenant: str
) -> None:
    webhooks.add_webhook({"url": there.url}, manager(tenant))
    there.answers = [(503, {"Retry-After": "60"}), (500, {})]
    [state] = told_of(asking(tenant, Room()))
    assert len(there.got) == 1
    after(state.job, 30)
    assert len(there.got) == 1, "it asked for a minute"
    after(state.job, 40)
    after(state.job, 60)
    assert len(there.got) == 3
    assert len(set(there.ids)) == 1
    assert len({body for _, body in there.got}) == 1


def test_the_secret_is_in_no_event_and_no_ledger_line(there: Receiver, tenant: str) -> None:
    made = webhooks.add_webhook({"url": there.url}, manager(tenant))
    there.answers, there.body = (
        [(200, {})],
        made.secret.encode(),
    )  # a receiver that repeats what it should not
    [state] = told_of(asking(tenant, Room()))
    lines = Invocation.objects.filter(job_id=state.job).values_list("args", "result", "error")
    bodies = Event.objects.filter(job_id=state.job).values_list("body", flat=True)
    written = json.dumps([list(lines), list(bodies)])
    assert made.secret not in written
    assert there.url not in written, "an address may hold a secret"


def test_in_a_rotation_both_secrets_sign_and_afterwards_the_new_one(there: Receiver, tenant: str) -> None:
    boss, room = manager(tenant), Room()
    old = webhooks.add_webhook({"url": there.url}, boss)
    new = webhooks.rotate_webhook(old.row.id, boss, overlap=3600)
    told_of(asking(tenant, room))
    assert signed_by(old.secret, *there.got[0])
    assert signed_by(new.secret, *there.got[0])
    from jobs import clock

    clock.shift(3601)
    told_of(asking(tenant, room))
    assert signed_by(new.secret, *there.got[1])
    assert not signed_by(old.secret, *there.got[1])
    last = webhooks.rotate_webhook(old.row.id, boss, overlap=0)
    told_of(asking(tenant, room))
    assert signed_by(last.secret, *there.got[2])
    assert not signed_by(new.secret, *there.got[2]), "a leaked one ends at once"


def test_a_secret_by_reference_is_read_for_the_call_alone(
    there: Receiver, tenant: str, monkeypatch: Any
) -> None:
    secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
    monkeypatch.setenv("HOOK_SECRET_OF_A_TEST", secret)
    monkeypatch.setattr(vault, "_sources", {})
    vault.configure({"hook": {"from": "env:HOOK_SECRET_OF_A_TEST", "tools": ["notify_webhook"]}})
    made = webhooks.add_webhook({"url": there.url, "secret": "secret:hook"}, manager(tenant))
    assert made.secret == ""
    told_of(asking(tenant, Room()))
    assert signed_by(secret, *there.got[0])
    assert secret not in Webhook.objects.get(id=made.row.id).secrets


def test_only_the_chosen_events_are_sent(there: Receiver, tenant: str) -> None:
    webhooks.add_webhook({"url": there.url, "events": ["approval.decided"]}, manager(tenant))
    room = Room()
    job = asking(tenant, room)
    told_of(job)
    assert there.got == []
    approve(job, actor=person(tenant=tenant, groups=(room.name,)), comment="fine")
    told_of(job)
    [(_, body)] = there.got
    data = json.loads(body)["data"]
    assert (data["decision"], data["effect"], data["by"], data["comment"]) == (
        "approve",
        "approved",
        "ann",
        "fine",
    )


def test_a_receiver_that_is_gone_is_asked_no_more(there: Receiver, tenant: str) -> None:
    made = webhooks.add_webhook({"url": there.url}, manager(tenant))
    there.answers = [(410, {})]
    room = Room()
    [state] = told_of(asking(tenant, room))
    assert state.status == "failed"
    row = Webhook.objects.get(id=made.row.id)
    assert (row.enabled, row.disabled_why) == (False, "it answered 410 Gone")
    assert told_of(asking(tenant, room)) == []


def test_an_address_that_became_private_is_not_called(there: Receiver, tenant: str, settings: Any) -> None:
    webhooks.add_webhook({"url": there.url}, manager(tenant))
    switch_on(settings, mail=False)
    [state] = told_of(asking(tenant, Room()))
    assert state.status == "failed"
    assert there.got == []


def test_a_test_goes_through_the_ledger_too_and_also_to_one_that_is_off(there: Receiver, tenant: str) -> None:
    boss = manager(tenant)
    made = webhooks.add_webhook({"url": there.url}, boss)
    webhooks.change_webhook(made.row.id, {"enabled": False}, boss)
    job = webhooks.test_webhook(made.row.id, boss)
    assert run_until_parked(job).output["status"] == 204
    assert json.loads(there.got[0][1])["type"] == "webhook.test"
    assert webhooks.deliveries_of(made.row).count() == 1


def test_nobody_manages_webhooks_without_the_permission_or_of_another_tenant(
    there: Receiver, tenant: str
) -> None:
    from jobs.core.errors import NotFound

    made = webhooks.add_webhook({"url": there.url}, manager(tenant))
    with pytest.raises(NotAllowed):
        webhooks.webhooks(person(tenant=tenant))
    with pytest.raises(NotFound):
        webhooks.webhook(made.row.id, manager(a_tenant()))


def test_a_webhook_fails_without_harm_to_the_job_that_asks(there: Receiver, tenant: str) -> None:
    webhooks.add_webhook({"url": there.url}, manager(tenant))
    there.answers = [(500, {})] * 20
    room = Room()
    job = asking(tenant, room)
    [state] = told_of(job)
    for _ in range(12):
        state = after(state.job, 40_000)
    assert state.status == "failed"
    assert len(set(there.ids)) == 1
    approve(job, actor=person(tenant=tenant, groups=(room.name,)))
    assert run_until_parked(job).status == "completed"


def test_actors_get_the_permission_from_django() -> None:
    from django.contrib.auth.models import Permission

    user = Room().join()
    user.user_permissions.add(Permission.objects.get(codename="manage_webhook"))
    assert "webhooks" in actor_of(type(user).objects.get(pk=user.pk)).may
