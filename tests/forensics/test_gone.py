"""Holds, releases and tombstones are chained beside the jobs; a change of any of them, or a job gone without one, is found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import Error, connection, transaction
from django.db.models import Model

from forensics.access import accesses, verify_accesses
from forensics.inspection import ask, gone, run, tenants
from forensics.inspection.runs import Asker
from forensics.inspection.scope import Scope
from forensics.log import heads, writing
from forensics.models import AccessHead, Breakage
from jobs import keys
from jobs.core.chain import canonical
from jobs.models import Event, Hold, HoldRelease, Job, Tombstone
from jobs.services import erase, hold, prune, release
from jobs.tombstones import statement
from tests.factories import a_tenant, person
from tests.forensics.forgetting import WHY
from tests.forensics.tampering import another, taken_back, unguarded
from tests.forensics.test_holding import done

pytestmark = pytest.mark.usefixtures("here")
TABLES = ("hold", "hold_release", "tombstone")
ROWS: dict[type[Model], str] = {Hold: "hold", HoldRelease: "hold", Tombstone: "tombstone"}


@contextmanager
def open_to_all() -> Iterator[None]:
    """Without any trigger on these tables, as the owner of the database may have it; taken back at the end."""
    with unguarded(), connection.cursor() as cursor:
        for table in TABLES:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER aetheris_append_only ON aetheris_jobs_{table}")
                continue
            for what in ("update", "delete", "replace"):
                cursor.execute(f"DROP TRIGGER aetheris_{table}_no_{what}")
        yield


@pytest.fixture
def tenant() -> str:
    """One with a hold, a release and a tombstone."""
    tenant = a_tenant()
    officer = person("officer", tenant=tenant)
    job = done(tenant, "case-7")
    placed = hold("tag", "case-7", reason="in court", actor=officer)
    release(placed.id, reason="settled", actor=officer)
    hold("agent", "somebody", reason="in court", actor=officer)
    prune(job.id, reason="its time is over", actor=officer)
    return tenant


def found(tenant: str) -> set[str]:
    return {each.broken.kind for each in gone(tenant)}


def test_everything_that_is_held_or_taken_away_is_chained(tenant: str) -> None:
    assert found(tenant) == set()
    entries = [(each.action, each.question, each.who) for each in accesses(tenant, {})]
    for act in (("hold", "held"), ("release", "released"), ("prune", "pruned")):
        assert (*act, "officer") in entries
    kept = done(tenant)
    erase(kept.id, everything=True, **{**WHY, "actor": person("officer", tenant=tenant)})
    assert [(each.action, each.question) for each in accesses(tenant, {"job": kept.id})] == [
        ("erase", "erased")
    ]
    assert verify_accesses(tenant)["ok"]


@pytest.mark.parametrize("mode", ["off", "lenient", "all"])
def test_whatever_the_setting_for_looks_says(mode: str, settings: Any) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "AUDIT_ACCESS": mode}
    tenant = a_tenant()
    hold("tag", "x", reason="r", actor=person("officer", tenant=tenant))
    assert AccessHead.objects.get(tenant=tenant).seq == 1


def test_what_cannot_be_chained_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    job = done(a_tenant())
    officer = person("officer", tenant=job.tenant)

    def away(*_: Any, **__: Any) -> None:
        raise Error("the log is away")

    monkeypatch.setattr("forensics.access.acts.append", away)
    for act in (
        lambda: hold("tag", "x", reason="r", actor=officer),
        lambda: prune(job.id, reason="r", actor=officer),
        lambda: erase(job.id, everything=True, **{**WHY, "actor": officer}),
    ):
        with pytest.raises(Error, match="away"):
            act()
    assert not Hold.objects.filter(tenant=job.tenant).exists()
    assert Job.objects.get(id=job.id).head_hash == job.head_hash
    assert not Event.objects.filter(job_id=job.id, body__isnull=True).exists()


@pytest.mark.parametrize("model", ROWS)
def test_every_column_of_a_row_that_stays_is_bound(model: type[Model], tenant: str) -> None:
    with open_to_all():
        row = model._default_manager.filter(tenant=tenant).order_by("pk")[0]
        for column in (field.attname for field in model._meta.concrete_fields):
            with taken_back():
                model._default_manager.filter(pk=row.pk).update(**{column: another(row, column)})
                assert found(tenant) & {ROWS[model], "missing"}, column
        assert found(tenant) == set()


@pytest.mark.parametrize("model", ROWS)
def test_a_row_that_is_removed_or_put_in_is_found(model: type[Model], tenant: str) -> None:
    with open_to_all():
        with taken_back():
            model._default_manager.filter(tenant=tenant).delete()
            assert found(tenant) == {"missing"}
        with taken_back():
            row = model._default_manager.filter(tenant=tenant).order_by("pk")[0]
            row.pk = uuid4()
            row.save(force_insert=True)
            assert "extra" in found(tenant)


def test_a_tombstone_that_a_stranger_signed_is_found(tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    strange = Ed25519PrivateKey.generate()
    with open_to_all():
        row = Tombstone.objects.get(tenant=tenant)
        row.reason = "another"
        row.signed = canonical(statement(row))
        row.key, row.signature = (
            strange.public_key().public_bytes_raw().hex(),
            strange.sign(row.signed.encode()).hex(),
        )
        row.save()
        told = [each.broken.message for each in gone(tenant)]
        assert any("none of those that are trusted" in each for each in told)
        assert any("does not say what entry" in each for each in told), "and the access log says otherwise"
    assert keys.signer().public.hex() == Tombstone.objects.get(tenant=tenant).key


def test_a_job_that_is_gone_without_a_tombstone_is_found_by_the_transparency_log() -> None:
    tenant = a_tenant()
    job = done(tenant)
    writing.add(heads.heads_of([job.id]))
    assert found(tenant) == set()
    with unguarded():
        Event.objects.filter(job_id=job.id).delete()
        Job.objects.filter(id=job.id).delete()
        assert [(each.job, each.broken.kind) for each in gone(tenant)] == [(job.id, "missing")]
    prune(job.id, reason="r", actor=person("officer", tenant=tenant))
    assert found(tenant) == set()


def test_a_tombstone_beside_its_job_is_found(tenant: str) -> None:
    job = done(tenant)
    with open_to_all():
        Tombstone.objects.filter(tenant=tenant).update(job_id=job.id)
        assert "tombstone" in found(tenant)


def test_verification_of_everything_looks_at_them_and_at_tenants_whose_jobs_are_all_gone(tenant: str) -> None:
    assert not Job.objects.filter(tenant=tenant).exists()
    assert tenant in list(tenants())
    with open_to_all():
        Hold.objects.filter(tenant=tenant).update(reason="another")
        row = ask(tenant, Scope(), Asker("test", "u", "u"))
        run(row.id, None)
        assert set(Breakage.objects.filter(verification=row.id).values_list("kind", flat=True)) == {"hold"}


def test_an_act_inside_a_transaction_that_fails_leaves_no_entry() -> None:
    tenant = a_tenant()
    with transaction.atomic():
        hold("tag", "x", reason="r", actor=person("officer", tenant=tenant))
        transaction.set_rollback(True)
    assert not AccessHead.objects.filter(tenant=tenant).exists()
