"""Attachments of approvals: bound into the digest of what was shown, and refused once they have changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobs import TaskGraph, approve, attachment, reject
from jobs.attachments import MOST, attachments_of, refuse_changed, state_of
from jobs.core.errors import Stale
from jobs.models import Approval
from jobs.testing import run_until_parked
from ledger import tool
from tests.engine.driving import started
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")
TEXT = b"We pay 12.00 EUR."


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    place = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "attachments": place}
    (tmp_path / "offer.txt").write_bytes(TEXT)
    return tmp_path


@tool(effect="pure", name="attachments.draft")
def draft_with_attachment(path: str) -> dict[str, Any]:
    """A draft that lies in the storage."""
    return attachment(path)


def asking(path: str = "storage:offer.txt") -> Approval:
    """An approval that shows what a tool has written."""
    graph = TaskGraph()
    draft = graph.tool("draft", draft_with_attachment, path=path)
    graph.output(graph.approval("ask", question="Send it?", show={"offer": draft}, groups=["finance"]))
    job = started(graph)
    run_until_parked(job)
    return Approval.objects.get(job_id=job)


def test_a_file_is_shown_with_its_size_and_digest_and_approved_unchanged(folder: Path) -> None:
    row = asking()
    [shown] = attachments_of(row)
    assert (shown.name, shown.media_type, shown.size) == ("offer.txt", "text/plain", len(TEXT))
    assert shown.sha256 in row.shown
    assert approve(row.id, actor=person()).state == "approved"


@pytest.mark.parametrize("change", ["another", "none"])
def test_a_changed_or_missing_file_cannot_be_approved_and_can_be_rejected(folder: Path, change: str) -> None:
    row = asking()
    if change == "none":
        (folder / "offer.txt").unlink()
    else:
        (folder / "offer.txt").write_bytes(TEXT.replace(b"12", b"99"))
    with pytest.raises(Stale) as told:
        approve(row.id, actor=person())
    assert told.value.code == "attachment_changed"
    assert Approval.objects.get(id=row.id).state == "open"
    assert reject(row.id, actor=person()).state == "rejected"


def test_the_file_is_handed_out_only_while_it_is_what_was_shown(folder: Path) -> None:
    row, caller = asking(), Caller(stage.person(group="finance"))
    told = caller.get(f"approvals/{row.id}").json()["attachments"]
    assert [each["state"] for each in told] == ["same"]
    answer = caller.get(told[0]["path"])
    assert answer.content == TEXT
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="offer.txt"'
    assert caller.get(f"approvals/{row.id}/attachments/7").status_code == 404
    (folder / "offer.txt").write_bytes(b"x" * len(TEXT))
    assert caller.get(f"approvals/{row.id}").json()["attachments"][0]["state"] == "changed"
    refused(caller.get(told[0]["path"]), 409, "attachment_changed")
    body = {"decision": "approve", "digest": row.digest}
    refused(caller.post(f"approvals/{row.id}/decide", body), 409, "attachment_changed")


def test_admin_and_console_say_whether_it_is_still_the_same(folder: Path) -> None:
    row, browser = asking(), stage.browser(stage.person("view_job", group="finance"))
    pages = (f"/admin/aetheris_jobs/approval/{row.id}/change/", f"/approvals/{row.id}")
    for page in pages:
        text = browser.get(page).content.decode()
        assert f'href="/api/approvals/{row.id}/attachments/0"' in text
        assert attachments_of(row)[0].sha256 in text
    (folder / "offer.txt").write_bytes(b"another")
    for page in pages:
        text = browser.get(page).content.decode()
        assert "CHANGED since this was asked" in text
        assert "attachments/0" not in text


def test_a_file_elsewhere_is_a_reference_that_people_compare(folder: Path) -> None:
    told = attachment("https://files.example.com/a.pdf", size=3, digest="ab" * 32)
    row = Approval(shown=json.dumps({"files": [told]}))
    [shown] = attachments_of(row)
    assert state_of(shown) == "elsewhere"
    refuse_changed(row)
    with pytest.raises(ValueError, match="SHA-256"):
        attachment("https://files.example.com/a.pdf")


@pytest.mark.parametrize("path", ["../etc/passwd", "/etc/passwd", "nothing.txt"])
def test_no_path_leads_out_of_the_storage(folder: Path, path: str) -> None:
    told = {
        "$attachment": {
            "name": "x",
            "media_type": "t",
            "size": 1,
            "sha256": "ab" * 32,
            "uri": f"storage:{path}",
        }
    }
    row = Approval(shown=json.dumps(told))
    assert state_of(attachments_of(row)[0]) == "missing"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"name": 1},
        {"name": "x", "media_type": "t", "size": True, "sha256": "ab" * 32, "uri": "u"},
        "x",
        None,
    ],
)
def test_what_only_looks_like_an_attachment_is_none(told: Any) -> None:
    assert attachments_of(Approval(shown=json.dumps({"a": {"$attachment": told}}))) == []


def test_a_changed_file_behind_the_last_that_is_listed_cannot_be_approved_either() -> None:
    gone = {
        "$attachment": {
            "name": "x",
            "media_type": "t",
            "size": 1,
            "sha256": "ab" * 32,
            "uri": "storage:nothing.txt",
        }
    }
    elsewhere = attachment("https://files.example.com/a.pdf", size=3, digest="ab" * 32)
    row = Approval(id=uuid4(), shown=json.dumps([*[elsewhere] * MOST, gone]))
    assert len(attachments_of(row)) == MOST
    with pytest.raises(Stale, match="cannot be approved"):
        refuse_changed(row)
