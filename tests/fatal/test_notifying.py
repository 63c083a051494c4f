"""A worker is killed between the promise of a notification and its sending, or after it: what people really got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from jobs import submit
from jobs.services import webhooks
from tests.fatal.audit import Row
from tests.fatal.stage import Stage
from tests.receiver import Receiver, receiving

pytestmark = [pytest.mark.fatal, pytest.mark.timeout(600)]
URL = "https://agents.example.com"
SECOND = 2  # the first call of the story fetches the order, the second one tells somebody


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def mails(stage: Stage) -> list[Path]:
    """What the mail server took: one file for each."""
    return list((stage.folder / "mails").glob("*.log"))


def by_key(stage: Stage) -> dict[str, int]:
    """How often each mail was taken, by idempotency key: it stands in the Message-ID."""
    counts: dict[str, int] = {}
    for each in mails(stage):
        key = each.read_text().partition("Message-ID: <")[2].partition("@")[0]
        counts[key] = counts.get(key, 0) + 1
    return counts


def environment(stage: Stage, **told: Any) -> dict[str, Any]:
    return {
        "AETHERIS_NOTIFY": json.dumps({"url": URL, "private": ["127.0.0.0/8"], **told}),
        "AETHERIS_EMAIL_URL": f"file:{stage.folder / 'mails'}",
    }


def notification(stage: Stage) -> list[Row]:
    """The jobs that tell somebody."""
    return stage.reader.query("SELECT * FROM aetheris_jobs_job WHERE agent = 'aetheris.notify'")


def line(stage: Stage) -> Row:
    """The one line of the ledger of the one notification."""
    [job] = notification(stage)
    [found] = stage.lines(str(job["id"]))
    return found


def asked(stage: Stage) -> str:
    """Somebody with an address, and a refund that is to be approved by their group."""
    stage.elsewhere.append(lambda: by_key(stage))
    user = User.objects.create_user("fatal-approver", email="approver@example.com")
    user.groups.add(Group.objects.get_or_create(name="finance")[0])
    from tests.factories import person

    return str(submit("refund", {"order_id": "A-1001"}, actor=person()))


@pytest.mark.parametrize(("point", "sent"), [("before_call", 0), ("after_call", 1)])
def test_a_mail_is_never_sent_a_second_time(stage: Stage, point: str, sent: int) -> None:
    told = environment(stage)
    job = asked(stage)
    first = stage.worker(crash=f"{point}:{SECOND}:KILL", slots=1, ttl=3, **told)
    stage.until(lambda: not first.alive, "the worker to be killed")
    assert len(mails(stage)) == sent
    stage.worker(ttl=3, **told)
    stage.until(lambda: line(stage)["state"] == "unknown", "the mail to be unknown")
    stage.until_status(str(notification(stage)[0]["id"]), "parked")
    assert len(mails(stage)) == sent, "nobody knows whether it went out, so it is a person's to say"
    assert stage.status(job) == "parked", "the job that asks waits for its answer, and for nothing else"
    stage.resolve(line(stage), "fail")
    stage.until_status(str(notification(stage)[0]["id"]), "failed")


@pytest.mark.parametrize(("point", "received"), [("before_call", 1), ("after_call", 2)])
def test_a_webhook_is_sent_again_under_the_same_id(
    stage: Stage, there: Receiver, settings: Any, point: str, received: int
) -> None:
    told = environment(stage, mail=False)
    settings.AETHERIS = {**settings.AETHERIS, "NOTIFY": json.loads(told["AETHERIS_NOTIFY"])}
    from jobs.actors import system

    stage.elsewhere.append(
        lambda: {each.replace("msg_", "aet-"): 1 for each in there.ids}
    )  # it dedupes by id
    webhooks.add_webhook({"url": there.url}, system())
    asked(stage)
    first = stage.worker(crash=f"{point}:{SECOND}:KILL", slots=1, ttl=3, **told)
    stage.until(lambda: not first.alive, "the worker to be killed")
    stage.worker(ttl=3, **told)
    stage.until(lambda: bool(notification(stage)), "the notification")
    stage.until_status(str(notification(stage)[0]["id"]), "completed")
    assert len(there.got) == received
    assert len(set(there.ids)) == 1
    assert len({body for _, body in there.got}) == 1


@pytest.mark.parametrize(
    "point", ["after_birth_before_knock:1", "in_append:3", "before_commit:3", "before_commit:5"]
)
def test_a_worker_that_dies_while_it_makes_the_notification_makes_one(stage: Stage, point: str) -> None:
    told = environment(stage)
    asked(stage)
    first = stage.worker(crash=f"{point}:KILL", slots=1, ttl=3, **told)
    stage.until(lambda: not first.alive, "the worker to be killed")
    stage.worker(ttl=3, **told)
    stage.until(lambda: bool(mails(stage)), "the mail")
    stage.until_status(str(notification(stage)[0]["id"]), "completed")
    assert len(notification(stage)) == len(mails(stage)) == 1
