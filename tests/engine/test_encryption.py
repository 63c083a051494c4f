"""Bodies at rest: what a stranger to the key reads in the database, and that nothing else knows the difference."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import Error, connection, transaction

from forensics.search import search
from forensics.services import replay_job, verify_job
from jobs import TaskGraph, approve, signal, submit
from jobs.core.errors import Invalid
from jobs.models import Approval, Event, Job
from jobs.services import counts, erase, reencrypt
from jobs.store.gates import gate
from jobs.store.reading import forget_all
from jobs.testing import run_until_parked
from ledger import encryption
from ledger.encryption import Unreadable
from ledger.models import Invocation
from ledger.reencrypting import rewrite, stale
from tests.agents import world
from tests.agents.keyholders import leaks
from tests.engine.driving import a_word
from tests.engine.secrecy import everything
from tests.factories import person
from tests.forensics.tampering import problem_of, unguarded

pytestmark = pytest.mark.usefixtures("here")


class Keys:
    """Keys of a tenant of its own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.tenant = f"t-{uuid4().hex[:10]}"
        self.person = person(tenant=self.tenant)
        self._patch = patch

    def use(self, *names: str, current: str | None = None) -> None:
        """Configure these; the last one writes. A process that starts with them remembers nothing."""
        for name in names:
            key = base64.b64encode(name.encode().ljust(32, b".")).decode()
            self._patch.setenv(f"AETHERIS_TEST_{name}", key)
        now = (names[-1] if names else "") if current is None else current
        encryption.configure({"current": now, "keys": {name: f"env:AETHERIS_TEST_{name}" for name in names}})
        forget_all()

    def under(self) -> set[str]:
        """Under which keys the tenant's texts stand."""
        return {key for found in counts(self.tenant).values() for key in found}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    made = Keys(monkeypatch)
    yield made
    made.use("a", "b", current="")
    reencrypt(lambda *_: None, made.tenant)
    made.use()


def parked(keys: Keys, word: str) -> str:
    """A job that has called a tool with a large answer and waits for a person."""
    world.script(word, {"told": f"answer-{word}", "long": f"long-{word} " * 8000})
    graph = TaskGraph()
    called = graph.tool("call", leaks, word=word, what=f"asked-{word}")
    yes = graph.approval("yes", f"May {word} go on?", groups=["finance"], show={"said": called["told"]})
    graph.output({"said": called["told"], "yes": yes["decision"]})
    job = submit("drawn", {"graph": graph.to_json(), "note": f"goal-{word}"}, actor=keys.person)
    run_until_parked(str(job))
    return str(job)


def finish(keys: Keys, job: str, word: str) -> dict[str, Any]:
    asked = Approval.objects.get(job_id=job)
    approve(str(asked.id), actor=keys.person, digest=asked.digest, comment=f"comment-{word}")
    output: dict[str, Any] = run_until_parked(job).output
    return output


def bodies(job: str) -> list[tuple[int, str, str]]:
    with connection.cursor() as cursor:
        column = job if connection.vendor == "postgresql" else UUID(job).hex
        cursor.execute(
            "SELECT seq, body, salt FROM aetheris_jobs_event WHERE job_id = %s ORDER BY seq", [column]
        )
        return [(row[0], row[1], row[2]) for row in cursor.fetchall()]


def test_the_database_holds_nothing_legible_and_everything_works(keys: Keys) -> None:
    keys.use("a")
    word = a_word()
    job = parked(keys, word)
    assert finish(keys, job, word)["said"] == f"answer-{word}"
    said = everything()
    for text in ("goal", "asked", "answer", "long", "comment", "May"):
        assert f"{text}-{word}" not in said
        assert f"May {word}" not in said
    assert all(body.startswith("enc1.a.") and salt.startswith("enc1.a.") for _, body, salt in bodies(job))
    assert Invocation.objects.get(job_id=job).result is not None
    told = verify_job(job)
    assert told["ok"], told
    assert replay_job(job)["ok"]


def test_without_the_key_nothing_is_read_and_the_error_names_it(keys: Keys) -> None:
    keys.use("a")
    job = parked(keys, a_word())
    keys.use("b")
    with pytest.raises(Unreadable, match="encrypted under the key 'a'"):
        Job.objects.get(id=job)
    with pytest.raises(Unreadable, match="is not configured; add it to"):
        verify_job(job)
    with pytest.raises(CommandError, match="under the key 'a'"):
        call_command("aetheris_reencrypt", tenant=keys.tenant)
    keys.use("a")
    assert verify_job(job)["ok"]


@pytest.mark.parametrize("size", [1, 200])
def test_keys_rotate_under_a_parked_job_and_no_digest_moves(keys: Keys, size: int) -> None:
    word = a_word()
    job = parked(keys, word)
    assert keys.under() == {""}
    head = Job.objects.values_list("head_seq", "head_hash").get(id=job)
    chain = list(
        Event.objects.filter(job_id=job).order_by("seq").values_list("digest", "prev", "hash", "body", "salt")
    )
    for names in (("a",), ("a", "b"), ("b",)):
        keys.use(*names)
        told = reencrypt(lambda *_: None, keys.tenant, size)
        assert (told.rows > 0, told.changed, told.unreadable) == (names != ("b",), 0, ())
        assert keys.under() == {names[-1]}
        assert verify_job(job)["ok"]
    assert Job.objects.values_list("head_seq", "head_hash").get(id=job) == head
    now = (
        Event.objects.filter(job_id=job).order_by("seq").values_list("digest", "prev", "hash", "body", "salt")
    )
    assert list(now) == chain
    assert finish(keys, job, word)["said"] == f"answer-{word}"
    assert verify_job(job)["ok"]


def test_a_rotation_that_dies_goes_on_where_it_was(keys: Keys) -> None:
    job = parked(keys, a_word())
    keys.use("a")

    class Died(Exception):
        pass

    def die(table: str, told: Any) -> None:
        raise Died

    with pytest.raises(Died):
        reencrypt(die, keys.tenant, 2)
    assert keys.under() == {"", "a"}
    assert verify_job(job)["ok"]
    first = [body for _, body, _ in bodies(job)][:2]
    call_command("aetheris_reencrypt", tenant=keys.tenant)
    assert keys.under() == {"a"}
    assert [body for _, body, _ in bodies(job)][:2] == first, "what was written is not written again"


def test_a_changed_ciphertext_is_found_at_its_event_and_left_alone_by_a_rotation(keys: Keys) -> None:
    keys.use("a")
    job = parked(keys, a_word())
    [(seq, body, salt), (_, other, _)] = bodies(job)[1:3]
    flipped = body[:40] + ("A" if body[40] != "A" else "B") + body[41:]
    changes = [
        ("body", flipped, "changed_body"),
        ("body", other, "changed_body"),
        ("salt", salt[:-9], "bad_form"),
    ]
    for column, text, kind in changes:
        with unguarded():
            with connection.cursor() as cursor:
                whose = job if connection.vendor == "postgresql" else UUID(job).hex
                cursor.execute(
                    f"UPDATE aetheris_jobs_event SET {column} = %s WHERE job_id = %s AND seq = %s",  # noqa: S608 - ours
                    [text, whose, seq],
                )
            assert problem_of(job) == (kind, seq)
            keys.use("a", "b")
            (rows,) = stale(Event, "job_id", 1000, keys.tenant)
            left = () if text == other else (f"aetheris_jobs_event {rows[seq - 1].key}",)
            assert rewrite(Event, rows).unreadable == left
            keys.use("a")
    assert verify_job(job)["ok"]


def test_the_gate_lets_nothing_else_through(keys: Keys) -> None:
    job = UUID(parked(keys, a_word()))
    rows = Event.objects.filter(job_id=job, seq=2)
    for change in ({"body": "{}"}, {"body": None, "salt": None}, {"type": "job_completed"}):
        with pytest.raises(Error, match="append-only"), transaction.atomic(), gate("encrypt", job):
            rows.update(**change)
    keys.use("a")
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        rows.update(body="{}")
    with pytest.raises(Error, match="append-only"), transaction.atomic(), gate("encrypt", job):
        rows.update(body="{}", type="job_completed")


def test_a_body_that_is_erased_is_gone_with_its_parts(keys: Keys) -> None:
    keys.use("a")
    word = a_word()
    job = parked(keys, word)
    finish(keys, job, word)
    parts = counts(keys.tenant)["aetheris_jobs_blob"]
    assert parts == {"a": 1}
    erase(job, actor=keys.person, reason="asked", legal_basis="GDPR Art. 17", everything=True)
    assert counts(keys.tenant)["aetheris_jobs_blob"] == {}
    assert verify_job(job)["ok"]


def test_a_search_for_text_is_refused_and_a_search_by_name_is_not(keys: Keys) -> None:
    keys.use("a")
    job = parked(keys, a_word())
    with pytest.raises(Invalid, match="encrypted at rest"):
        search(keys.tenant, {"of": "events", "job": job, "text": "answer"})
    assert search(keys.tenant, {"of": "effects", "job": job})["results"]


def test_a_signal_that_waits_in_the_mail_is_encrypted_too(keys: Keys) -> None:
    keys.use("a")
    graph = TaskGraph()
    graph.output(graph.wait("word", signal="word"))
    word = a_word()
    job = str(submit("drawn", {"graph": graph.to_json()}, actor=keys.person))
    run_until_parked(job)
    signal(job, "word", {"said": f"signal-{word}"}, actor=keys.person)
    assert json.loads(json.dumps(run_until_parked(job).output)) == {"said": f"signal-{word}"}
    assert f"signal-{word}" not in everything()
