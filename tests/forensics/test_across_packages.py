"""From job to job in packages alone: the same answers as from the database, and which packages are missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from forensics import search, services
from forensics.evidence.shelf import Shelf, Unequal, followed_in, why_in
from forensics.package import export
from forensics.standalone import EVENTS, Wishes, vkey_of
from jobs import keys
from jobs.models import Job
from jobs.services import approve
from jobs.testing import run_until_parked
from tests.engine.driving import a_word, started
from tests.faces.command_line import Desk, aetheris, ok
from tests.factories import a_tenant
from tests.forensics.cast_of_graphs import BOB, refund_like
from tests.forensics.families import family
from tests.forensics.package.forging import retell, rewrite
from tests.forensics.package.packing import Copy, our_key

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def tenant() -> str:
    return a_tenant()


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checkout near: the key of this process is given by hand."""
    monkeypatch.chdir("/")
    for name in [each for each in os.environ if each.startswith("AETHERIS_")]:
        monkeypatch.delenv(name)
    return


def packed(job: str, folder: Path) -> str:
    path = folder / f"{job}.zip"
    export(job, path)
    return str(path)


def shelf_of(*paths: str) -> Shelf:
    shelf = Shelf()
    for path in paths:
        assert shelf.put(path, Wishes(keys=(our_key(),)))[1] is not None
    return shelf


def plain(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what only the database knows."""
    return [{name: value for name, value in each.items() if name != "status"} for each in parts]


def test_packages_answer_as_the_database_does(tenant: str, tmp_path: Path) -> None:
    word = a_word()
    job, child = family(tenant, word)
    while search.behind():
        search.catch_up()
    shelf = shelf_of(packed(job, tmp_path), packed(child, tmp_path))
    for start, of in ((job, "pay"), (child, "paid")):
        there, here = services.why(Job.objects.get(id=start), of), why_in(shelf, start, of)
        assert here is not None
        assert {**there, "across": None} == {**here, "across": None}
        assert plain(there["across"]["results"]) == here["across"]["results"] != []
        assert there["across"]["links"] == here["across"]["links"] != []
        assert (here["across"]["absent"], here["across"]["cut"]) == ([], False)
    for kind, name in (("document", f"doc-{word}"), ("document", f"digest-{word}"), ("person", "ann")):
        page = services.followed(tenant, {kind: name}, None, 10)["results"]
        told = followed_in(shelf, kind, name)
        assert [plain(each["across"]) for each in page] == [plain(each["across"]) for each in told]
        assert [each["effects"] for each in page] == [each["effects"] for each in told] != []


def test_a_job_without_a_package_is_named_as_missing(tenant: str, tmp_path: Path) -> None:
    job, child = family(tenant, a_word())
    told = why_in(shelf_of(packed(job, tmp_path)), job, "pay")
    assert told is not None
    assert [(each["job"], each["state"]) for each in told["across"]["absent"]] == [(child, "missing")]
    assert told["across"]["results"] == []
    assert followed_in(shelf_of(packed(child, tmp_path)), "document", "doc-x") == []
    [followed] = followed_in(shelf_of(packed(child, tmp_path)), "person", "ann")
    assert [(each["job"], each["state"]) for each in followed["across"]] == [(job, "missing")]


def test_of_two_packages_of_one_job_the_longer_counts_and_two_histories_are_refused(tmp_path: Path) -> None:
    job = started(refund_like(a_word()))
    run_until_parked(job)
    export(job, tmp_path / "old.zip")
    approve(job, actor=BOB)
    run_until_parked(job)
    export(job, tmp_path / "new.zip")
    old, new = str(tmp_path / "old.zip"), str(tmp_path / "new.zip")
    for order in ((old, new), (new, old), (new, new)):
        packed = shelf_of(*order).get(job)
        assert packed is not None
        assert packed.path == new
    copy = Copy(tmp_path / "old.zip")
    seq = next(each["seq"] for each in copy.values(EVENTS) if each["type"] == "reasoning_snapshot")
    rewrite(copy, seq, goal="0" * 64)
    retell(copy)
    head = copy.values(EVENTS)[-1]
    leaf = f"aetheris.head.v1\n{job}\n{head['seq']}\n{head['hash']}\n"
    copy.checkpoint(keys.signer(), leaf)
    (tmp_path / "forged.zip").write_bytes(copy.resealed(keys.signer()))
    shelf = Shelf()
    assert shelf.put(tmp_path / "forged.zip", Wishes(keys=(our_key(),)))[1] is not None, (
        "the owner signed it anew"
    )
    with pytest.raises(Unequal, match="two histories"):
        shelf.put(new, Wishes(keys=(our_key(),)))


def test_the_command_asks_packages_without_a_server(tenant: str, tmp_path: Path, trusted: None) -> None:
    word = a_word()
    job, child = family(tenant, word)
    one, two = packed(job, tmp_path), packed(child, tmp_path)
    key = ("--key", vkey_of("aetheris.local/log", our_key()))
    ended = aetheris("why", one, "pay", "--package", two, *key)
    assert ended.code == 0, ended.err
    assert child in ended.out
    assert f"doc-{word}" in ended.out
    told = aetheris("why", child, "paid", "--package", one, "--package", two, *key, "--json").json
    assert [each["job"] for each in told["across"]["results"]] == [job]
    alone = aetheris("why", one, "pay", *key)
    assert (alone.code, child in alone.out, "missing" in alone.out) == (0, True, True)
    ended = aetheris("followed", "--document", f"digest-{word}", "--package", one, "--package", two, *key)
    assert ended.code == 0, ended.err
    assert "step/pay" in ended.out
    assert aetheris("why", child, "paid", "--package", one, *key).code == 3
    assert aetheris("why", one, "nothing", *key).code == 3
    assert aetheris("followed", "--person", "ann", "--package", one, "--since", "1d").code == 2
    assert aetheris("why", one, "pay", "--package", str(tmp_path / "none.zip")).code == 2
    (tmp_path / "bad.zip").write_bytes(Path(two).read_bytes()[:-1])
    broken = aetheris("why", one, "pay", "--package", str(tmp_path / "bad.zip"), *key)
    assert broken.code == 1
    assert "bad.zip is broken" in broken.err


def test_the_command_puts_the_servers_pages_together() -> None:
    def page(number: int, following: str | None) -> Any:
        node = {
            "id": f"step/{number}",
            "kind": "tool",
            "seq": 1,
            "at": "2026-11-22T17:18:56.123456Z",
            "how": "declared",
        }
        link = {"from": {"job": "J", "node": "a"}, "to": {"job": f"K{number}", "node": "b"}, "kind": "child", "how": "declared",
                "via": ""}  # fmt: skip
        across = {"results": [{"job": f"K{number}", "nodes": [node], "edges": []}], "links": [link], "absent": [],
                  "cut": number == 2, "next": following, "previous": None, "behind": 0}  # fmt: skip
        return ok({"job": "J", "nodes": [], "edges": [], "of": [], "beyond": ["K1", "K2"], "across": across})

    following = "http://elsewhere.test/api/forensics/why?job=J&of=x&cursor=K1"
    desk = Desk({"GET /api/forensics/why": [page(1, following), page(2, None)]})
    told = aetheris("why", "J", "x", "--json", desk=desk).json
    assert [each["job"] for each in told["across"]["results"]] == ["K1", "K2"]
    assert len(told["across"]["links"]) == 2
    assert {each.url.host for each in desk.asked} == {"aetheris.test"}
    desk = Desk({"GET /api/forensics/why": [page(1, following), page(2, None)]})
    shown = aetheris("why", "J", "x", "--limit", "1", desk=desk)
    assert "step/1" in shown.out
    assert "step/2" not in shown.out
    assert "--limit" in shown.err
    desk = Desk({"GET /api/forensics/why": page(2, None)})
    assert "ended early" in aetheris("why", "J", "x", desk=desk).err
