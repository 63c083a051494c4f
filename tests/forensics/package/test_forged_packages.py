"""Forged packages: whoever changes what a package says is found, at the line and the event, whatever they sign anew."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forensics import standalone
from forensics.package import export
from forensics.standalone import EVENTS, EVIDENCE, MANIFEST, canonical
from jobs import approve, keys
from jobs.testing import run_until_parked
from tests.forensics.cast import CAST
from tests.forensics.cast_of_graphs import BOB
from tests.forensics.package.forging import Forgery, of_lines, other, rewrite
from tests.forensics.package.packing import Copy, Stranger, alone, our_key
from tests.forensics.package.verdicts import folder, package, seq_of, verdict

pytestmark = pytest.mark.usefixtures("here")
# Who may have put the package together again.
HANDS = ("nobody", "a careful one", "a stranger", "the owner")


def put_together(copy: Copy, hand: str) -> bytes:
    """A package of changed files: with the old manifest; a new one; signed by a stranger; signed by the owner."""
    if hand == "nobody":
        return copy.zipped()
    signers = {"a careful one": None, "a stranger": Stranger(), "the owner": keys.signer()}
    return copy.resealed(signers[hand])


def check(forgery: Forgery, name: str, hand: str) -> None:
    """It is found where it must be."""
    copy = Copy(package(name))
    forgery.change(copy)
    report = verdict(put_together(copy, hand))
    problem = report.problem
    assert problem is not None, forgery.name
    assert problem.file == forgery.file, (forgery.name, problem)
    if forgery.line:
        assert problem.line == forgery.line, (forgery.name, problem)
    if forgery.seq:
        assert problem.seq == forgery.seq, (forgery.name, problem)
    if forgery.kinds:
        assert problem.kind in forgery.kinds, (forgery.name, problem)


# Of the others a quarter each; the owner tries all of them, in two halves.
TURNS = {
    "nobody": ("nobody", 0, 4), "a careful one": ("a careful one", 1, 4), "a stranger": ("a stranger", 2, 4),
    "the owner": ("the owner", 0, 2), "the owner again": ("the owner", 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("name", ["approved_and_paid", "with_a_large_body", "compensated"])
def test_every_line_and_every_member_is_bound_whoever_signs(name: str, turn: str) -> None:
    hand, first, step = TURNS[turn]
    forgeries = of_lines(Copy(package(name)))
    assert len(forgeries) > 100
    for forgery in forgeries[first::step]:
        check(forgery, name, hand)


def test_an_untouched_copy_is_put_together_byte_for_byte_as_it_was_exported() -> None:
    for name in ("approved_and_paid", "with_a_large_body"):
        copy, exported = Copy(package(name)), package(name).read_bytes()
        assert copy.zipped() == exported
        assert copy.resealed(keys.signer()) == exported


def test_a_body_changed_with_its_whole_chain_disagrees_with_the_ledger_and_the_log() -> None:
    copy = Copy(package("approved_and_paid"))
    seq = seq_of(copy, "tool_invocation_finished")
    rewrite(copy, seq, result="forged")
    report = verdict(copy.resealed(keys.signer()))
    found = {each.name: each.problem for each in report.checks if each.problem}
    assert set(found) == {"ledger", "log", "evidence"}
    assert found["ledger"].seq == seq
    assert found["log"].kind == "forked_head"


def test_an_event_replaced_with_a_hash_of_its_own_breaks_the_link_of_the_next() -> None:
    copy = Copy(package("approved_and_paid"))
    seq = seq_of(copy, "reasoning_snapshot")
    events = copy.values(EVENTS)
    one = events[seq - 1]
    one["body"] = {**one["body"], "goal": "0" * 64}
    one["raw"] = canonical(one["body"])
    one["digest"] = standalone.sha256(bytes.fromhex(one["salt"]) + one["raw"].encode())
    one["hash"] = standalone.link(one)
    copy.put(EVENTS, events)
    problem = verdict(copy.resealed(keys.signer())).problem
    assert problem is not None
    assert (problem.kind, problem.line, problem.seq) == ("changed_header", seq + 1, seq + 1)


@pytest.mark.parametrize("name", standalone.FILES)
def test_a_file_of_an_older_package_or_of_another_job_is_found(name: str) -> None:
    job = CAST["refund_parked"]()
    older, newer = folder() / "old.zip", folder() / "new.zip"
    export(job, older)
    approve(job, actor=BOB)
    run_until_parked(job)
    export(job, newer)
    for source in (older, package("compensated")):
        copy, before = Copy(newer), Copy(source)
        if copy.files[name] == before.files[name]:
            continue
        copy.files[name] = before.files[name]
        problem = verdict(copy.zipped()).problem
        assert problem is not None, (name, source)
        if name not in (MANIFEST, standalone.ENVELOPE):
            assert problem.file == name, problem


def test_another_jobs_events_are_another_jobs() -> None:
    copy = Copy(package("approved_and_paid"))
    copy.files[EVENTS] = Copy(package("compensated")).files[EVENTS]
    problem = verdict(copy.resealed(keys.signer())).problem
    assert problem is not None
    assert (problem.kind, problem.file, problem.line, problem.seq) == ("foreign_event", EVENTS, 1, 1)
    own = json.loads(Copy(package("approved_and_paid")).files[MANIFEST])["job"]["id"]
    assert not verdict(package("compensated").read_bytes(), job=own).ok


def test_a_wrong_key_is_refused_and_an_old_one_beside_the_new_is_no_harm() -> None:
    content = package("approved_and_paid").read_bytes()
    path = folder() / "forged.zip"
    path.write_bytes(content)
    stranger = Stranger().public
    refused = standalone.verify(path, standalone.Wishes(keys=(stranger,)))
    assert refused.problem is not None
    assert refused.problem.kind == "wrong_key"
    assert standalone.verify(path, standalone.Wishes(keys=(stranger, our_key()))).ok


MEMBERS = ["job.id", "job.tenant", "job.agent", "job.version", "head.seq", "head.hash", "ended", "format", "broken", "files",
           "signer", "withheld"]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS)
def test_a_manifest_that_says_otherwise_is_refused_even_if_the_owner_signs_it(member: str) -> None:
    copy = Copy(package("approved_and_paid"))

    def change(told: dict[str, Any]) -> None:
        *outer, last = member.split(".")
        place = told[outer[0]] if outer else told
        place[last] = other(place[last])
        if member == "broken":
            place[last] = {"kind": "missing", "seq": 1, "message": "so it was"}
        if member == "withheld":
            place[last] = [{"path": "/goal", "how": "mask", "what": "withheld", "events": [1]}]

    copy.manifest(change)
    report = verdict(copy.resealed(None if member == "signer" else keys.signer(), manifest=False))
    assert report.code == 1
    assert report.problem is not None


@pytest.mark.parametrize(
    "member", ["format", "job", "software", "profile", "head", "ended", "files", "signer", "keys", "withheld"]
)
def test_a_manifest_whose_signature_does_not_follow_is_refused(member: str) -> None:
    copy = Copy(package("approved_and_paid"))
    copy.manifest(lambda told: told.update({member: other(told[member])}))
    report = verdict(copy.zipped())
    assert report.code == 1
    copy.manifest(lambda told: told.pop(member))
    assert verdict(copy.zipped()).code == 1


ENVELOPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another payload": lambda told: told.update(payload="e30="),
    "another type": lambda told: told.update(payloadType="text/plain"),
    "no signature": lambda told: told.update(signatures=[]),
    "a signature twice": lambda told: told.update(signatures=told["signatures"] * 2),
    "another key id": lambda told: told["signatures"][0].update(keyid="x+00000000"),
    "another signature": lambda told: told["signatures"][0].update(sig="A" * 86 + "=="),
    "loose base64": lambda told: told["signatures"][0].update(sig=told["signatures"][0]["sig"][:-3] + "B=="),
    "a member more": lambda told: told.update(more=1),
}


@pytest.mark.parametrize("change", sorted(ENVELOPES))
def test_an_envelope_is_exactly_one_signature_over_exactly_this_manifest(change: str) -> None:
    copy = Copy(package("approved_and_paid"))
    told = json.loads(copy.files[standalone.ENVELOPE])
    ENVELOPES[change](told)
    copy.files[standalone.ENVELOPE] = canonical(told).encode() + b"\n"
    problem = verdict(copy.zipped()).problem
    assert problem is not None
    assert problem.file == standalone.ENVELOPE


@pytest.mark.parametrize("how", ["seq", "hash", "foreign seq"])
def test_a_record_of_the_graph_that_names_an_event_which_is_not_there_is_found(how: str) -> None:
    copy = Copy(package("approved_and_paid"))
    first = copy.values(EVENTS)[0]
    changes: dict[str, dict[str, Any]] = {
        "seq": {"aetheris:seq": 2}, "hash": {"aetheris:hash": "0" * 64}, "foreign seq": {"aetheris:seq": 999},
    }  # fmt: skip
    record = {"aetheris:job": first["job"], "aetheris:seq": 1, "aetheris:hash": first["hash"], **changes[how]}
    copy.files[EVIDENCE] = canonical({"entity": {"x": record}}).encode() + b"\n"
    problem = verdict(copy.resealed(keys.signer())).problem
    assert problem is not None
    assert (problem.kind, problem.file, problem.seq) == ("evidence", EVIDENCE, record["aetheris:seq"])


@pytest.mark.parametrize("number", range(12))
def test_a_lone_copy_of_the_program_finds_forgeries_at_the_same_place(number: int, tmp_path: Path) -> None:
    forgeries = of_lines(Copy(package("approved_and_paid")))
    copy = Copy(package("approved_and_paid"))
    forgeries[number * len(forgeries) // 12].change(copy)
    ours = verdict(put_together(copy, HANDS[number % 4]))
    key = standalone.vkey_of("aetheris.local/log", our_key())
    theirs = alone(tmp_path, folder() / "forged.zip", "--key", key, "--json", library=number % 2 == 0)
    assert theirs.returncode == 1, theirs.stderr
    assert json.loads(theirs.stdout) == ours.to_json()
