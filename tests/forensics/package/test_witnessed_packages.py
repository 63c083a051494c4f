"""Packages and the log: rewritten histories, kept checkpoints, events that nobody has witnessed, older packages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from forensics import standalone
from forensics.package import export
from forensics.standalone import EVENTS, MANIFEST, canonical
from jobs import approve, keys
from jobs.testing import run_until_parked
from tests.forensics.cast import CAST
from tests.forensics.cast_of_graphs import BOB
from tests.forensics.package.forging import other, relink, retell, rewrite
from tests.forensics.package.packing import Copy, Stranger
from tests.forensics.package.trees import checkpoint, growth, path_to
from tests.forensics.package.verdicts import folder, package, seq_of, verdict

pytestmark = pytest.mark.usefixtures("here")


def rewritten(signer: Any = None) -> bytes:
    """The owner's masterpiece: another history, its chain, its rows, its log and all signatures made anew."""
    copy = Copy(package("approved_and_paid"))
    seq = seq_of(copy, "job_completed")
    rewrite(copy, seq, output={"paid": "to somebody else"})
    told = json.loads(copy.files[MANIFEST])
    leaf = f"aetheris.head.v1\n{told['job']['id']}\n{told['head']['seq']}\n{told['head']['hash']}\n"
    copy.checkpoint(signer or keys.signer(), leaf)
    retell(copy)
    return copy.resealed(signer or keys.signer())


def test_a_history_rewritten_by_the_owner_of_the_key_is_caught_by_a_checkpoint_that_an_outsider_kept() -> (
    None
):
    kept = Copy(package("approved_and_paid")).files[standalone.CHECKPOINT].decode()
    assert verdict(rewritten()).ok, "nothing inside such a package can show it"
    problem = verdict(rewritten(), checkpoint=kept).problem
    assert problem is not None
    assert (problem.kind, problem.file) == ("rewritten", standalone.CHECKPOINT)


ORIGIN = "example.org/log"


def logged(size: int) -> tuple[bytes, list[bytes]]:
    """A package in a log of so many leaves, its own the third; and the leaves of that log, four more than it knows."""
    copy = Copy(package("approved_and_paid"))
    leaf = json.loads(copy.files[standalone.INCLUSION])["leaf"]
    leaves = [standalone.leaf_hash(bytes([number])) for number in range(size + 4)]
    leaves[2] = standalone.leaf_hash(leaf.encode())
    copy.files[standalone.CHECKPOINT] = checkpoint(keys.signer(), ORIGIN, leaves[:size]).encode()
    told = {
        "leaf": leaf,
        "index": 2,
        "size": size,
        "path": [each.hex() for each in path_to(2, leaves[:size])],
    }
    copy.files[standalone.INCLUSION] = standalone.pretty(told).encode()
    return copy.resealed(keys.signer()), leaves


@pytest.mark.parametrize("kept", [3, 5, 6, 9])
def test_a_kept_checkpoint_of_another_size_needs_a_consistency_proof_and_no_rewritten_log_has_one(
    kept: int,
) -> None:
    content, leaves = logged(5)
    mine = checkpoint(keys.signer(), ORIGIN, leaves[:kept])
    first, second = sorted((kept, 5))
    proof = json.dumps({"path": [each.hex() for each in growth(first, leaves[:second])]})
    report = verdict(content, checkpoint=mine, consistency=proof)
    assert report.ok, report.to_json()
    other = [standalone.leaf_hash(b"another"), *leaves[1:]]
    rewritten = checkpoint(keys.signer(), ORIGIN, other[:kept])
    for path in (proof, json.dumps({"path": [each.hex() for each in growth(first, other[:second])]})):
        problem = verdict(content, checkpoint=rewritten, consistency=path).problem
        assert problem is not None
        assert problem.kind == "rewritten"
    if kept != 5:
        undecided = verdict(content, checkpoint=mine)
        assert (undecided.code, undecided.ok, undecided.problem) == (2, False, None)


def test_a_kept_checkpoint_of_another_log_decides_nothing_and_a_strangers_is_refused() -> None:
    content, leaves = logged(5)
    assert verdict(content, checkpoint=checkpoint(keys.signer(), "elsewhere.org/log", leaves[:5])).code == 2
    problem = verdict(content, checkpoint=checkpoint(Stranger(), ORIGIN, leaves[:5])).problem
    assert problem is not None
    assert (problem.kind, problem.file) == ("wrong_key", "your checkpoint")


@pytest.mark.parametrize("change", ["index", "size", "path", "leaf", "more path"])
def test_an_inclusion_proof_leads_from_this_leaf_at_this_place_to_this_root(change: str) -> None:
    (folder() / "five.zip").write_bytes(logged(5)[0])
    copy = Copy(folder() / "five.zip")
    told = json.loads(copy.files[standalone.INCLUSION])
    if change == "more path":
        told["path"].append("0" * 64)
    elif change == "path":
        told["path"][0] = other(told["path"][0])
    elif change == "leaf":
        told["leaf"] = told["leaf"].replace("head.v1", "head.v2")
    else:
        told[change] += 1
    copy.files[standalone.INCLUSION] = standalone.pretty(told).encode()
    problem = verdict(copy.resealed(keys.signer())).problem
    assert problem is not None
    assert (problem.kind, problem.file) == ("inclusion", standalone.INCLUSION)


def test_a_history_rewritten_by_a_stranger_is_refused_with_the_key_alone() -> None:
    report = verdict(rewritten(Stranger()))
    assert {each.name: each.problem.kind for each in report.checks if each.problem} == {
        "envelope": "wrong_key", "log": "wrong_key",
    }  # fmt: skip
    unpinned = standalone.verify(folder() / "forged.zip")
    assert unpinned.ok
    assert any("not pinned" in note for note in unpinned.notes)


def test_events_behind_the_witnessed_head_are_not_yet_witnessed() -> None:
    copy = Copy(package("refund_parked"))
    events = copy.values(EVENTS)
    seq = len(events) + 1
    body = {"actor": {"id": "u-1", "name": "x"}, "reason": ""}
    added = {**events[-1], "seq": seq, "type": "job_paused", "node": "", "body": body, "raw": canonical(body)}
    copy.put(EVENTS, [*events, added])
    relink(copy)
    retell(copy)
    problem = verdict(copy.resealed(keys.signer())).problem
    assert problem is not None
    assert (problem.kind, problem.file, problem.seq) == ("not_yet_witnessed", EVENTS, seq)
    assert "not yet witnessed" in problem.message


def test_an_older_package_of_the_job_is_genuine_but_not_the_head_that_was_promised() -> None:
    job = CAST["refund_parked"]()
    older, newer = folder() / "older.zip", folder() / "newer.zip"
    first = export(job, older)
    approve(job, actor=BOB)
    run_until_parked(job)
    second = export(job, newer)
    promised = f"{second.seq}:{second.hash}"
    assert verdict(newer.read_bytes(), head=promised).ok
    assert verdict(older.read_bytes(), head=f"{first.seq}:{first.hash}").ok
    problem = verdict(older.read_bytes(), head=promised).problem
    assert problem is not None
    assert (problem.kind, problem.file) == ("another_head", MANIFEST)
