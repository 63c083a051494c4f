"""The command line against the real API: every command does what it says, and nothing where it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_django

from jobs import clock, tokens
from jobs.core.commands import Actor
from jobs.models import Definition, Event
from tests import databases
from tests.faces import admin_stage as stage
from tests.faces import live
from tests.faces.command_line import Ended, aetheris

pytestmark = pytest.mark.usefixtures("engine_db")
AGENT = "cli-stage"


@pytest.fixture(scope="module")
def server(
    django_db_setup: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of an API on the test database."""
    from django.db import connection

    with django_db_blocker.unblock():
        address = databases.url_of(connection.settings_dict)
        Definition.objects.get_or_create(
            kind="agent", name=AGENT, version="1", defaults={"form": "planner", "seen_at": clock.now()}
        )
        connection.close()
    with live.api(address, tmp_path_factory.mktemp("api")) as url:
        yield url


class Person:
    """Somebody at a command line, with a token."""

    def __init__(self, server: str, *permissions: str, group: str = "", tenant: str = "default") -> None:
        self.server = server
        self.user = stage.person(*permissions, group=group)
        self.token = tokens.create(self.user, tenant=tenant).text

    def __call__(self, *args: str) -> Ended:
        return aetheris("--api", self.server, "--token", self.token, *args)


@pytest.fixture
def operator(server: str) -> Person:
    return Person(server, *stage.OPERATOR)


@pytest.fixture
def approver(server: str) -> Person:
    return Person(server, group="finance")


def events(job: str) -> list[str]:
    return list(Event.objects.filter(job_id=job).order_by("seq").values_list("type", flat=True))


def test_a_job_is_submitted_found_read_and_cancelled(operator: Person) -> None:
    ended = operator("submit", AGENT, "--goal", '{"n": 1.5}', "--tag", f"t{uuid4().hex}", "--priority", "3")
    assert (ended.code, ended.err) == (0, "")
    job = ended.out.strip()
    assert job in operator("jobs", "--agent", AGENT).out
    shown = operator("job", job, "--json").json
    assert (shown["goal"], shown["priority"]) == ({"n": 1.5}, 3)
    assert [each["id"] for each in operator("jobs", "--tag", shown["tags"][0], "--json").json] == [job]
    assert operator("cancel", job, "--reason", "twice").code == 0
    assert operator("cancel", job).code in (0, 4)
    assert "twice" in operator("trace", job).out


def test_the_same_key_gives_the_same_job_and_another_goal_is_refused(operator: Person) -> None:
    submit = ("submit", AGENT, "--idempotency-key", uuid4().hex, "--goal")
    first = operator(*submit, "1")
    assert operator(*submit, "1").out == first.out
    refused = operator(*submit, "2")
    assert (refused.code, "[idempotency_key_reused]" in refused.err) == (4, True)


def test_an_unknown_agent_a_missing_job_and_a_strangers_job_are_told_apart_by_code(operator: Person) -> None:
    assert operator("submit", "no-such-agent", "--goal", "{}").code in (3, 4)
    foreign = stage.job(stage.waiting(), actor=Actor(id="x", tenant="stranger"))
    for job in (str(uuid4()), "not-a-uuid", foreign):
        for verb in ("job", "events", "trace", "cancel", "verify"):
            assert operator(verb, job).code == 3, (verb, job)


def test_nobody_without_token_or_permission_changes_anything(server: str) -> None:
    job = stage.job(stage.waiting("go"))
    before = events(job)
    assert aetheris("--api", server, "job", job).code == 1
    assert Person(server)("signal", job, "go").code == 4
    assert events(job) == before


def test_a_signal_reaches_the_job_that_waits_for_it(operator: Person) -> None:
    job = stage.job(stage.waiting("go"), stage.waiting("later"))
    assert operator("signal", job, "other").code == 4
    ended = operator("signal", job, "go", "--payload", '{"a": [1, null]}')
    assert ended.code == 0
    assert "signal_received" in events(job)
    assert operator("message", job, "inbox", "--payload", "1").code == 0
    assert operator("pause", job).code == 0
    assert operator("resume", job).code == 0


def test_a_question_is_answered_for_exactly_what_was_shown(approver: Person) -> None:
    job = stage.job(stage.asking(), stage.paying())
    asked = stage.approval_of(job)
    assert asked in approver("approvals").out
    assert approver("approve", job, "--digest", "0" * 64).code == 4
    assert "approval_decided" not in events(job)
    ended = approver("approve", job, "--yes", "--comment", "checked")
    assert ended.code == 0
    assert '"A-7"' in ended.out
    assert "approval_decided" in events(job)
    for target in (job, asked):
        assert approver("reject", target, "--yes").code == 4
    assert approver("approve", str(uuid4()), "--yes").code == 3


def test_a_call_that_nobody_knows_of_is_resolved_by_a_person_once(operator: Person) -> None:
    job, call = stage.unknown_call()
    assert call in operator("unresolved").out
    assert operator("resolve", call, "landed", "--result", '{"refund": "R-7"}', "--comment", "seen").code == 0
    assert "outcome_resolved" in events(job)
    assert operator("resolve", call, "absent").code == 4


def test_what_happened_is_told_as_events_tree_and_node(operator: Person) -> None:
    job, _ = stage.unknown_call()
    told = operator("events", job, "--json", "--raw").json
    assert [each["type"] for each in told] == events(job)
    assert all(each["raw"] for each in told)
    assert [each["seq"] for each in operator("events", job, "--after", "2", "--json").json] == list(
        range(3, len(told) + 1)
    )
    assert operator("trace", job).out.count("job_created") == 1
    assert "pay" in operator("node", job, "pay").out
    assert operator("node", job, "nothing").code == 3


def test_an_ended_job_is_followed_to_its_end(operator: Person) -> None:
    job = stage.job(stage.waiting("go"))
    assert operator("cancel", job).code == 0
    assert events(job)[-1] == "job_cancelled"
    told = operator("events", job, "--follow", "--json").json
    assert [each["type"] for each in told] == events(job)
    assert operator("events", job, "--follow", "--after", str(len(told)), "--json").json == []


def test_the_chain_of_a_job_holds(operator: Person) -> None:
    job = stage.job(stage.waiting("go"))
    ended = operator("verify", job, "--json")
    assert (ended.code, ended.json["ok"]) == (0, True)
    assert operator("replay", job).code in (0, 1)


def test_a_token_works_until_it_is_revoked(operator: Person) -> None:
    made = operator("token", "create", "--name", "laptop", "--expires", "1h", "--json").json
    assert aetheris("--api", operator.server, "--token", made["token"], "jobs").code == 0
    assert "laptop" in operator("token", "list").out
    assert operator("token", "revoke", str(made["id"])).code == 0
    assert aetheris("--api", operator.server, "--token", made["token"], "jobs").code == 1
    assert operator("token", "revoke", "999999").code == 3


def test_the_running_system_is_described(operator: Person) -> None:
    assert operator("workers").code == 0
    assert AGENT in operator("definitions").out
    assert operator("definitions", "no-such-agent").code == 3
    assert operator("tools", "no-such-tool").code == 3
    assert operator("tools").code == 0
    assert "jobs running" in operator("monitor").out
    health = operator("health")
    assert health.code == (1 if "tick" in health.err else 0)


def test_a_goal_over_the_limit_is_refused(operator: Person, tmp_path: Path) -> None:
    (tmp_path / "goal.json").write_text('"' + "a" * (1024 * 1024) + '"')
    ended = operator("submit", AGENT, "--goal", f"@{tmp_path / 'goal.json'}")
    assert (ended.code, "[too_large]" in ended.err) == (4, True)
