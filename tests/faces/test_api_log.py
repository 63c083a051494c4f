"""The transparency log over HTTP: checkpoints, proofs, keys and anchors; whose they are, and what is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from forensics import log
from forensics.access.chain import body_digest, link
from forensics.log.accesses import verify_accesses
from forensics.log.keyring import signing
from forensics.merkle import grew, included, leaf_hash
from forensics.models import Access, AccessHead, Checkpoint, LogTile
from forensics.notes import read_checkpoint, read_key
from jobs.core.chain import GENESIS
from jobs.core.commands import Actor
from jobs.models import Job
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused
from tests.forensics.accessing import a_caller, a_tenant
from tests.forensics.log.owning import access_unguarded, logged, unguarded

pytestmark = pytest.mark.usefixtures("engine_db")


def _hashes(told: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(each) for each in told["path"]]


def test_a_kept_checkpoint_and_the_newest_one_are_held_together_by_what_the_api_tells() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    logged(tenant, 1)
    kept = read_checkpoint(caller.get("forensics/checkpoints/latest?form=text").content.decode())
    [job] = logged(tenant, 1)
    now = caller.get("forensics/checkpoints/latest").json()
    head = read_checkpoint(now["note"])
    keys = [read_key(each["key"]) for each in caller.get("forensics/keys").json()["keys"]]
    assert head.signers(keys) == [signing()]
    assert (now["size"], now["root_hash"], now["origin"]) == (head.size, head.root.hex(), head.origin)
    proof = caller.get(f"forensics/consistency?from={kept.size}").json()
    assert (proof["from"], proof["to"]) == (kept.size, head.size)
    assert grew(kept.size, kept.root, head.size, head.root, _hashes(proof))
    told = caller.get(f"forensics/inclusion?job={job}").json()
    assert included(leaf_hash(told["leaf"].encode()), told["index"], told["size"], _hashes(told), head.root)
    row = Job.objects.get(id=job)
    assert told["leaf"] == f"aetheris.head.v1\n{job}\n{row.head_seq}\n{row.head_hash}\n"
    assert (told["seq"], told["not_yet_witnessed"]) == (row.head_seq, 0)


def test_a_checkpoint_is_given_as_text_to_whoever_asks_for_it() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    logged(tenant, 1)
    note = caller.get("forensics/checkpoints/latest").json()["note"]
    size = read_checkpoint(note).size
    for path, more in (
        ("latest?form=text", {}),
        ("latest", {"Accept": "text/plain"}),
        (f"{size}?form=text", {}),
    ):
        answer = caller.get(f"forensics/checkpoints/{path}", **more)
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.content.decode() == note
    assert caller.get(f"forensics/checkpoints/{size}").json()["note"] == note
    refused(caller.get("forensics/checkpoints/999999999"), 404, "not_found")


def test_checkpoints_are_listed_in_pages_the_newest_first() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    for _ in range(3):
        logged(tenant, 1)
    first = caller.get("forensics/checkpoints?limit=2").json()
    second = caller.get(first["next"]).json()
    sizes = [each["size"] for each in first["results"] + second["results"]]
    assert sizes == list(Checkpoint.objects.order_by("-size").values_list("size", flat=True)[: len(sizes)])


def test_another_tenants_job_has_no_proof_and_one_that_is_not_logged_none_yet() -> None:
    mine, other = a_tenant(), a_tenant()
    [job] = logged(other, 1)
    caller = a_caller(mine)
    refused(caller.get(f"forensics/inclusion?job={job}"), 404, "not_found")
    refused(caller.get(f"forensics/inclusion?job={uuid4()}"), 404, "not_found")
    new = stage.job(stage.waiting("go"), actor=Actor(id="a", name="a", tenant=mine))
    refused(caller.get(f"forensics/inclusion?job={new}"), 404, "not_yet_witnessed")
    assert a_caller(other).get(f"forensics/inclusion?job={job}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "inclusion", "inclusion?job=x", "inclusion?jobs=1", "consistency", "consistency?from=0", "consistency?from=2&to=1",
        "consistency?from=1&to=999999999", "consistency?from=-1", "checkpoints?size=1", "checkpoints/latest?form=xml",
        "anchors?state=lost", "keys?x=1",
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(path: str) -> None:
    logged(a_tenant(), 1)
    assert a_caller(a_tenant()).get(f"forensics/{path}").status_code == 422


def test_who_may_see_a_job_may_ask_for_its_proof_and_only_an_auditor_for_the_whole_log() -> None:
    tenant = a_tenant()
    [job] = logged(tenant, 1)
    plain = Caller(stage.person(*stage.OPERATOR), tenant=tenant)
    for path in (f"inclusion?job={job}", "consistency?from=1", "keys", "checkpoints", "checkpoints/latest"):
        assert plain.get(f"forensics/{path}").status_code == 200, path
    refused(plain.get("forensics/anchors"), 403, "permission_missing")
    refused(plain.post("forensics/log/verify"), 403, "permission_missing")
    auditor = a_caller(tenant)
    assert auditor.get("forensics/anchors").status_code == 200
    told = auditor.post("forensics/log/verify").json()
    assert (told["ok"], told["problem"]) == (True, None)


def test_every_proof_that_is_asked_for_is_recorded() -> None:
    tenant = a_tenant()
    [job] = logged(tenant, 1)
    a_caller(tenant).get(f"forensics/inclusion?job={job}")
    entry = Access.objects.filter(tenant=tenant).order_by("-seq")[0]
    assert (entry.action, entry.question) == ("prove", "inclusion")


def test_a_broken_log_is_an_answer_of_its_verification_and_a_refusal_of_its_proofs() -> None:
    tenant = a_tenant()
    [job] = logged(tenant, 1)
    caller = a_caller(tenant)
    with unguarded():
        LogTile.objects.all().delete()
        told = caller.post("forensics/log/verify").json()
        assert (told["ok"], told["problem"]["kind"]) == (False, "tile")
        refused(caller.get(f"forensics/inclusion?job={job}"), 409, "broken_log")


def test_an_access_log_that_was_rewritten_is_caught_by_its_leaves() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    caller.get("forensics/keys")
    log.append_heads()
    told = caller.post("forensics/access/verify").json()
    assert (told["ok"], told["witnessed"]) == (True, 1)
    with access_unguarded():
        first = Access.objects.get(tenant=tenant, seq=1)
        first.body = first.body.replace("log-keys", "no-keys")
        first.question = "no-keys"
        first.digest = body_digest(first.body)
        first.hash = link(tenant=tenant, seq=1, at=first.at, digest=first.digest, prev=GENESIS)
        first.save()
        Access.objects.filter(tenant=tenant, seq__gt=1).delete()
        AccessHead.objects.filter(tenant=tenant).delete()
        AccessHead.objects.create(tenant=tenant, seq=1, at=first.at, hash=first.hash)
        told = verify_accesses(tenant)
        assert (told["problem"]["kind"], told["problem"]["seq"]) == ("rewritten_history", 1)
