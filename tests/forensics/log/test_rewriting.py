"""A rewritten history: caught by the log, and, where its owner has made the log anew too, by any checkpoint that somebody kept."""

from __future__ import annotations

import json

import pytest
from django.db.models import F

from forensics import inspection, log
from forensics.log.leaves import Told
from forensics.log.proofs import consistency, inclusion
from forensics.merkle import included, leaf_hash
from forensics.models import Checkpoint, LogLeaf
from forensics.notes import BadNote, Key, Rewritten, against, checkpoint_text, read_checkpoint, sign
from forensics.notes import Checkpoint as Head
from forensics.package import export
from forensics.services import verify_job
from jobs import keys, signal
from jobs.core.chain import body_digest, canonical, link
from jobs.core.commands import Actor
from jobs.core.errors import Illegal
from jobs.models import Event, Job
from jobs.testing import run_until_parked
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import logged, made_anew, unguarded
from tests.forensics.package.packing import Stranger
from tests.forensics.verifying import jobs_of

pytestmark = pytest.mark.usefixtures("here")


def rewrite(job: str) -> str:
    """Another goal in the first event, every row that follows from it, and the whole chain recomputed.

    Returns:
        The new hash of the head.
    """
    goal = {"send": "to somebody else"}
    prev = "0" * 64
    for row in Event.objects.filter(job_id=job).order_by("seq"):
        body = row.body or ""
        if row.seq == 1:
            body = canonical({**json.loads(body), "goal": goal})
        row.body, row.prev, row.digest = body, prev, body_digest(row.salt or "", body)
        row.hash = prev = link(
            job=job, seq=row.seq, type=row.type, node=row.node, at=row.at, digest=row.digest, prev=prev
        )
        row.save()
    Job.objects.filter(id=job).update(goal=canonical(goal), head_hash=prev)
    return prev


def the_log(size: int) -> tuple[Head, list[bytes]]:
    """What the log shows to somebody who kept a checkpoint of that size."""
    latest = log.latest()
    assert latest is not None
    path = consistency(size)["path"] if size <= latest.size else []
    return read_checkpoint(latest.text), [bytes.fromhex(each) for each in path]


def ours() -> list[Key]:
    return [Key(keys.signer().name, keys.signer().public)]


def test_an_untouched_job_is_witnessed_up_to_its_head() -> None:
    [job] = logged(a_tenant(), 1)
    found = verify_job(job)
    assert (found["ok"], found["not_yet_witnessed"]) == (True, None)
    leaf = log.last_leaf(job)
    assert leaf is not None
    head = log.first_with(leaf.index)
    assert head is not None
    assert found["witnessed"] == {"seq": found["head"]["seq"], "leaf": leaf.index, "checkpoint": head.size}


def test_a_tail_newer_than_every_checkpoint_is_not_yet_witnessed() -> None:
    tenant = a_tenant()
    [new] = jobs_of(tenant, 1)
    told = verify_job(new)
    assert (told["ok"], told["witnessed"]) == (True, None)
    assert told["not_yet_witnessed"] == {"from": 1, "to": told["head"]["seq"]}
    log.append_heads()
    before = verify_job(new)["witnessed"]["seq"]
    signal(new, "go", {}, actor=Actor(id="a", name="a", tenant=tenant, superuser=True))
    run_until_parked(new)
    told = verify_job(new)
    assert told["ok"]
    assert told["witnessed"]["seq"] == before
    assert told["not_yet_witnessed"] == {"from": before + 1, "to": told["head"]["seq"]}


def test_a_history_rewritten_with_all_its_rows_is_caught_by_the_log() -> None:
    [job] = logged(a_tenant(), 1)
    with unguarded():
        rewrite(job)
        problem = verify_job(job)["problem"]
        leaf = log.last_leaf(job)
        assert leaf is not None
        assert (problem["kind"], problem["seq"], problem["row"]) == (
            "rewritten_history",
            leaf.seq,
            str(leaf.index),
        )
        [found] = inspection.inspect_many([Job.objects.get(id=job).id])
        assert found.broken is not None
        assert found.broken.kind == "rewritten_history"
        ranged = inspection.inspect_range(job, 1)
        assert ranged.broken is not None
        assert ranged.broken.kind == "rewritten_history"


def test_a_history_cut_off_with_all_its_rows_is_caught_by_the_log() -> None:
    [job] = logged(a_tenant(), 1)
    with unguarded():
        last = Event.objects.filter(job_id=job).order_by("-seq")[0]
        Event.objects.filter(id=last.id).delete()
        Job.objects.filter(id=job).update(head_seq=F("head_seq") - 1, head_hash=last.prev)
        problem = verify_job(job)["problem"]
        assert (problem["kind"], problem["seq"]) == ("rewritten_history", last.seq)


def test_a_leaf_that_was_changed_does_not_accuse_the_job() -> None:
    [job] = logged(a_tenant(), 1)
    with unguarded():
        leaf = log.last_leaf(job)
        assert leaf is not None
        LogLeaf.objects.filter(index=leaf.index).update(text=Told(job, "", leaf.seq, "0" * 64).text)
        problem = verify_job(job)["problem"]
        assert (problem["kind"], problem["row"]) == ("broken_log", str(leaf.index))


def test_no_package_is_made_of_a_history_that_the_log_knows_otherwise(tmp_path: object) -> None:
    [job] = logged(a_tenant(), 1)
    with unguarded():
        rewrite(job)
        with pytest.raises(Illegal, match="broken") as refused:
            export(job, f"{tmp_path}/a.zip")
        assert refused.value.code == "broken_record"


@pytest.mark.parametrize("later", [0, 1, 2])
def test_a_history_and_the_log_rewritten_whole_are_caught_by_any_checkpoint_that_an_outsider_kept(
    later: int,
) -> None:
    tenant = a_tenant()
    [job] = logged(tenant, 1)
    for _ in range(later):
        logged(a_tenant(), 1)
    leaf = log.last_leaf(job)
    assert leaf is not None
    kept = [read_checkpoint(row.text) for row in Checkpoint.objects.filter(size__gt=leaf.index)]
    for each in kept:
        assert against(each, *the_log(each.size), ours())
    with unguarded():
        hash = rewrite(job)
        made_anew({leaf.index: Told(job, "", leaf.seq, hash).text})
        assert verify_job(job)["ok"], "every row, leaf, tile and signature agrees"
        assert log.verify_log().broken is None
        assert len(kept) == later + 1
        for each in kept:
            with pytest.raises(Rewritten):
                against(each, *the_log(each.size), ours())
    for each in kept:
        assert against(each, *the_log(each.size), ours())


def test_a_log_that_was_put_back_to_an_older_copy_is_caught() -> None:
    logged(a_tenant(), 1)
    size, path = the_log(1)[0].size, [bytes(32)]
    future = read_checkpoint(sign(checkpoint_text(keys.signer().name, size + 3, bytes(32)), [keys.signer()]))
    with pytest.raises(Rewritten, match="taken out"):
        against(future, the_log(1)[0], path, ours())


def test_a_checkpoint_of_a_stranger_or_of_another_log_decides_nothing() -> None:
    logged(a_tenant(), 1)
    now, path = the_log(1)
    text = checkpoint_text(now.origin, now.size, now.root)
    with pytest.raises(BadNote, match="none of the keys"):
        against(read_checkpoint(sign(text, [Stranger()])), now, path, ours())
    other = Stranger()
    other.name = "elsewhere.org/log"
    kept = read_checkpoint(sign(checkpoint_text(other.name, 1, bytes(32)), [other]))
    with pytest.raises(BadNote, match="of the log elsewhere"):
        against(kept, now, path, [*ours(), Key(other.name, other.public)])


def test_an_inclusion_proof_leads_to_every_later_checkpoint() -> None:
    [job] = logged(a_tenant(), 1)
    leaf = log.last_leaf(job)
    assert leaf is not None
    for _ in range(2):
        logged(a_tenant(), 1)
    for size in Checkpoint.objects.filter(size__gt=leaf.index).values_list("size", flat=True):
        told = inclusion(Job.objects.get(id=job), size)
        head = read_checkpoint(told["checkpoint"])
        path = [bytes.fromhex(each) for each in told["path"]]
        assert included(leaf_hash(told["leaf"].encode()), told["index"], told["size"], path, head.root)
        assert (told["seq"], told["not_yet_witnessed"]) == (told["head"]["seq"], 0)
