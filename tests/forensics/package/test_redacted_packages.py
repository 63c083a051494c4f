"""Redacted packages: what is withheld is gone, the rest still ties to the original head, and the manifest says all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from forensics import standalone
from forensics.package import export, names
from forensics.standalone import APPROVALS, EVENTS, LEDGER, MANIFEST, PARTS
from jobs import TaskGraph, approve, keys
from jobs.core.errors import Invalid
from jobs.models import Event
from jobs.testing import run_until_parked
from tests.agents.tools import look
from tests.engine.driving import a_word, ran, started
from tests.forensics.cast import CAST
from tests.forensics.cast_of_graphs import BOB
from tests.forensics.package.forging import other
from tests.forensics.package.packing import Copy, Stranger, alone, our_key

pytestmark = pytest.mark.usefixtures("here")
EMAIL, CARD, KEY = "ann.secret@example.com", "4111 1111 1111 1111", "sk-not-to-be-seen"


@pytest.fixture
def profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Profiles of the settings; returns the file with the key of those that encrypt."""
    key = tmp_path / "export.key"
    key.write_text("0f" * 32 + "\n")
    everything = {f"all-{how}": {"rules": [{"path": "**", "how": how}]} for how in standalone.HOWS}
    told = {
        **everything,
        "sealed": {"extends": "default", "rules": [{"path": "**.email", "how": "encrypt"}]},
        "goals": {"rules": [{"path": "goal.**", "how": "hash", "on": "job_created"}]},
        "wrong": {"rules": [{"path": "a", "how": "blur"}]},
    }
    redaction = {"PROFILES": told, "ENCRYPT_KEY": f"file:{key}"}
    monkeypatch.setattr(settings, "AETHERIS", {**settings.AETHERIS, "REDACTION": redaction})
    return key


def personal(word: str) -> TaskGraph:
    """A graph that shows, asks and tells personal data."""
    graph = TaskGraph()
    order = graph.tool("order", look, word=f"{word} of {EMAIL} paid by {CARD}")
    ask = graph.approval(
        "ask", question=f"Write to {EMAIL}?", show={"order": order, "email": EMAIL}, groups=["finance"]
    )
    graph.output(graph.tool("again", look, word=EMAIL, after=[ask]))
    return graph


def done() -> str:
    """A job that ran to its end with personal data everywhere."""
    job = started(personal(a_word()))
    run_until_parked(job)
    approve(job, actor=BOB, comment=f"asked {EMAIL}")
    assert run_until_parked(job).status == "completed"
    return job


def verified(path: Path, **wishes: Any) -> standalone.Report:
    """The verdict, with our key pinned."""
    return standalone.verify(path, standalone.Wishes(keys=(our_key(),), **wishes))


def plain(path: Path) -> str:
    """Everything that a package says, the envelope's payload too."""
    return "".join(content.decode() for name, content in Copy(path).files.items() if name != "verify.py")


def test_what_is_withheld_is_nowhere_and_the_head_is_the_original_one(tmp_path: Path) -> None:
    job = done()
    whole, less = export(job, tmp_path / "whole.zip"), export(job, tmp_path / "less.zip", profile="default")
    assert EMAIL in plain(tmp_path / "whole.zip")
    for secret in (EMAIL, CARD, CARD.replace(" ", "")):
        assert secret not in plain(tmp_path / "less.zip")
    assert (whole.seq, whole.hash) == (less.seq, less.hash)
    report = verified(tmp_path / "less.zip", head=f"{whole.seq}:{whole.hash}")
    assert report.ok, report.to_json()
    assert any("withheld by the profile 'default'" in note for note in report.notes)
    hashes = [
        (event["prev"], event["digest"], event["hash"])
        for event in Copy(tmp_path / "less.zip").values(EVENTS)
    ]
    assert hashes == list(
        Event.objects.filter(job_id=job).order_by("seq").values_list("prev", "digest", "hash")
    )


def test_the_manifest_names_every_event_and_place(tmp_path: Path) -> None:
    export(done(), tmp_path / "a.zip", profile="default")
    copy = Copy(tmp_path / "a.zip")
    told = json.loads(copy.files[MANIFEST])["withheld"]
    named = {seq for entry in told for seq in entry["events"]}
    assert named == {event["seq"] for event in copy.values(EVENTS) if event["raw"] is None}
    assert {(entry["how"], entry["what"]) for entry in told} >= {
        ("hash", "email"),
        ("mask", "credit_card"),
        ("hash", "withheld"),
    }
    assert any(entry["path"] == "/question" for entry in told)
    assert any(entry["path"] == "/shown/email" for entry in told)


def test_equal_values_stay_equal_across_packages_and_no_plain_hash_gives_them_away(tmp_path: Path) -> None:
    marks = set()
    for number in range(2):
        export(done(), tmp_path / f"{number}.zip", profile="default")
        line = next(
            each for each in Copy(tmp_path / f"{number}.zip").values(LEDGER) if each["node"] == "again"
        )
        marks.add(line["args"]["word"])
    assert len(marks) == 1
    assert standalone.sha256(EMAIL.encode()) not in marks.pop()
    line = next(each for each in Copy(tmp_path / "0.zip").values(LEDGER) if each["node"] == "again")
    assert line["args_digest"].startswith("[withheld hash "), (
        "its plain digest could be guessed from the rest"
    )


@pytest.mark.parametrize("how", standalone.HOWS)
@pytest.mark.parametrize("name", ["approved_and_paid", "refused", "cancelled_while_asking", "landed_says_a_person", "in_doubt",
                                  "landed_but_not_storable", "compensated", "recalled_from_another_job", "with_a_large_body",
                                  "retried_after_an_approval", "mapped_with_a_failure", "of_workflow_nodes"])  # fmt: skip
def test_a_package_from_which_everything_is_withheld_still_verifies(
    name: str, how: str, profiles: Path, tmp_path: Path
) -> None:
    made = export(CAST[name](), tmp_path / "a.zip", profile=f"all-{how}")
    report = verified(tmp_path / "a.zip")
    assert report.ok, report.to_json()
    assert made.withheld > 0


def test_large_parts_are_redacted_where_they_stand(tmp_path: Path) -> None:
    job = ran(_large()).job
    export(job, tmp_path / "a.zip", profile="default")
    assert verified(tmp_path / "a.zip").ok
    texts = [each["text"] for each in Copy(tmp_path / "a.zip").values(PARTS)]
    assert texts
    assert not any(EMAIL in each for each in texts)
    assert any("[email hash " in each for each in texts)


def _large() -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("call", look, word=f"{EMAIL} {'x ' * 50_000} {a_word()}"))
    return graph


def test_an_encrypted_field_opens_with_the_key_and_with_no_other(profiles: Path, tmp_path: Path) -> None:
    job, path = done(), tmp_path / "a.zip"
    export(job, path, profile="sealed")
    assert export(job, tmp_path / "b.zip", profile="sealed").sha256 == standalone.sha256(path.read_bytes())
    assert EMAIL not in plain(path)
    assert verified(path).ok
    values = list(standalone.opened(path, bytes.fromhex("0f" * 32)))
    assert values
    assert {each["value"] for each in values} == {EMAIL}
    with pytest.raises(ValueError, match="does not open"):
        list(standalone.opened(path, bytes(32)))
    said = alone(tmp_path, path, "--open", str(profiles), "--json")
    assert json.loads(said.stdout)["opened"] == values
    bare = alone(tmp_path, path, "--open", str(profiles), library=False)
    assert bare.returncode == 2
    assert "needs the package `cryptography`" in bare.stderr


def test_a_key_may_be_given_with_the_export(profiles: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    export(done(), path, profile="sealed", encrypt_key=b"k" * 32)
    assert {each["value"] for each in standalone.opened(path, b"k" * 32)} == {EMAIL}
    with pytest.raises(Invalid, match="32 bytes"):
        export(CAST["not_begun"](), path, profile="sealed", encrypt_key=b"short")


def test_profiles_that_cannot_be_meant_are_refused(
    profiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = CAST["not_begun"]()
    assert {"none", "default", "sealed", "goals"} <= set(names())
    for name, code in (("wrong", "bad_profile"), ("nobody", "unknown_profile")):
        with pytest.raises(Invalid) as refused:
            export(job, tmp_path / "a.zip", profile=name)
        assert refused.value.code == code
    profiles.write_text("no key")
    with pytest.raises(Invalid) as refused:
        export(job, tmp_path / "a.zip", profile="sealed")
    assert refused.value.code == "bad_encryption_key"
    redaction = {"PROFILES": {"e": {"rules": [{"path": "a", "how": "encrypt"}]}}}
    monkeypatch.setattr(settings, "AETHERIS", {**settings.AETHERIS, "REDACTION": redaction})
    with pytest.raises(Invalid) as refused:
        export(job, tmp_path / "a.zip", profile="e")
    assert refused.value.code == "no_encryption_key"
    assert list(tmp_path.glob("*.zip")) == []


def _forged(path: Path, change: Any, signer: Any) -> standalone.Break:
    copy = Copy(path)
    change(copy)
    forged = path.with_name("forged.zip")
    forged.write_bytes(copy.resealed(signer) if signer else copy.zipped())
    problem = verified(forged).problem
    assert problem is not None
    return problem


def test_what_is_left_of_a_redacted_body_is_under_the_exporters_signature(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    export(done(), path, profile="default")
    seq = next(
        each["seq"]
        for each in Copy(path).values(EVENTS)
        if each["raw"] is None and each["type"] == "approval_requested"
    )

    def change(copy: Copy) -> None:
        copy.edit(EVENTS, seq, lambda event: event["body"].update(quorum=2))

    assert _forged(path, change, None).file == EVENTS
    assert _forged(path, change, Stranger()).kind in ("wrong_key", "derived_row")


def test_nothing_is_withheld_that_the_manifest_does_not_name_even_by_the_owner(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    export(done(), path, profile="default")
    events = Copy(path).values(EVENTS)
    redacted = next(each["seq"] for each in events if each["raw"] is None)
    whole = next(each["seq"] for each in events if each["raw"] is not None)

    def silent(copy: Copy) -> None:
        copy.edit(EVENTS, whole, lambda event: event.update(raw=None, salt=None))

    def unnamed(copy: Copy) -> None:
        copy.manifest(lambda told: told.update(withheld=[]))

    def another_way(copy: Copy) -> None:
        copy.manifest(
            lambda told: told["withheld"][0].update(
                how="mask" if told["withheld"][0]["how"] != "mask" else "hash"
            )
        )

    def claimed(copy: Copy) -> None:
        copy.manifest(lambda told: told["withheld"][0]["events"].append(whole))

    def digest(copy: Copy) -> None:
        copy.edit(EVENTS, redacted, lambda event: {**event, "digest": other(event["digest"])})

    def gone(copy: Copy) -> None:
        copy.edit(EVENTS, whole, lambda event: event.update(raw=None, salt=None, body=None))

    found = {
        change.__name__: _forged(path, change, keys.signer())
        for change in (silent, unnamed, another_way, claimed, digest, gone)
    }
    assert (found["silent"].kind, found["silent"].seq) == ("changed_body", whole)
    assert (found["unnamed"].kind, found["unnamed"].seq) == ("changed_body", redacted)
    assert (found["another_way"].kind, found["another_way"].file) == ("withheld", EVENTS)
    assert (found["claimed"].kind, found["claimed"].seq) == ("changed_body", whole)
    assert (found["digest"].kind, found["digest"].seq) == ("changed_header", redacted)
    assert found["gone"].seq in (whole, 0)
    assert {each.file for each in found.values()} <= {EVENTS, LEDGER, APPROVALS}


def test_a_rule_for_one_type_leaves_the_others(profiles: Path, tmp_path: Path) -> None:
    export(CAST["approved_and_paid"](), tmp_path / "a.zip", profile="goals")
    copy = Copy(tmp_path / "a.zip")
    assert [
        event["seq"]
        for event in copy.values(EVENTS)
        if event["raw"] is None and event["type"] != "reasoning_snapshot"
    ] == [1]
