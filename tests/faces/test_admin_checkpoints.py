"""Checkpoints in the admin: read, by whoever may ask forensic questions; changed by nobody; each look recorded."""

from __future__ import annotations

import pytest

from forensics import log
from forensics.models import Access, Anchor, Checkpoint
from jobs import clock
from tests.faces import admin_stage as stage
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import logged

pytestmark = pytest.mark.usefixtures("engine_db")
HERE = "/admin/aetheris_forensics/checkpoint/"


def test_checkpoints_are_listed_and_shown_with_their_anchors_and_the_look_is_recorded() -> None:
    logged(a_tenant(), 1)
    head = log.latest()
    assert head is not None
    Anchor.objects.get_or_create(
        target="https://elsewhere.example/", size=head.size,
        defaults={"state": "failed", "error": "it <i>answered</i> 503", "at": clock.now()},
    )  # fmt: skip
    browser = stage.browser(stage.person("view_forensics"))
    listed = browser.get(HERE).content.decode()
    assert head.root[:16] in listed
    page = browser.get(f"{HERE}{head.size}/change/").content.decode()
    assert head.text.splitlines()[2] in page
    assert "it &lt;i&gt;answered&lt;/i&gt; 503" in page
    assert Access.objects.filter(action="prove", question="admin-checkpoint").exists()


def test_nobody_adds_changes_or_removes_a_checkpoint() -> None:
    logged(a_tenant(), 1)
    head = log.latest()
    assert head is not None
    browser = stage.browser(stage.person("view_forensics"))
    count = Checkpoint.objects.count()
    assert browser.get(f"{HERE}add/").status_code == 403
    for place in ("change", "delete"):
        assert browser.post(f"{HERE}{head.size}/{place}/", {"origin": "x"}).status_code == 403
    assert Checkpoint.objects.count() == count


def test_who_may_ask_no_forensic_questions_sees_none() -> None:
    assert stage.browser(stage.person("view_job")).get(HERE).status_code == 403
