"""Who may not decide gets a 403 on every face, and the attempt is on record; roles that come with the tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User

from forensics import roles
from forensics.models import Access
from jobs.models import Approval
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, refused

pytestmark = pytest.mark.usefixtures("engine_db")


def asked(**more: Any) -> Approval:
    """An open approval that asks the group finance."""
    job = stage.job(stage.asking(**more), stage.paying())
    return Approval.objects.get(pk=stage.approval_of(job))


def attempts(user: User, approval: Approval) -> list[tuple[str, str, int]]:
    """What the access log has of this person and this approval."""
    rows = Access.objects.filter(user=str(user.pk), action="decide").order_by("seq")
    found = [each for each in rows if json.loads(each.body)["target"] == str(approval.id)]
    return [(each.question, each.outcome, json.loads(each.body)["status"]) for each in found]


def test_over_http_a_stranger_is_refused_and_recorded() -> None:
    approval, caller = asked(), Caller(stage.person(staff=False))
    body = {"decision": "approve", "digest": approval.digest}
    refused(caller.post(f"approvals/{approval.id}/decide", body), 403, "not_an_approver")
    assert attempts(caller.user, approval) == [("decide", "refused", 403)]
    approval.refresh_from_db()
    assert (approval.state, approval.votes) == ("open", "[]")


def test_in_the_admin_too() -> None:
    approval, user = asked(), stage.person("view_approval", "view_job")
    browser = stage.browser(user)
    page = f"/admin/aetheris_jobs/approval/{approval.id}/"
    told = {"decision": "approve", "digest": approval.digest, "comment": ""}
    answer = stage.post(browser, f"{page}decide/", told, page=f"{page}change/")
    assert answer.status_code == 403
    assert "may not decide" in answer.content.decode()
    assert attempts(user, approval) == [("admin-decide", "refused", 403)]


def test_and_in_the_console() -> None:
    approval, user = asked(), stage.person("view_job", staff=False)
    told = {"decision": "approve", "digest": approval.digest, "comment": ""}
    answer = stage.post(stage.browser(user), f"/approvals/{approval.id}", told)
    assert answer.status_code == 403
    assert attempts(user, approval) == [("console-decide", "refused", 403)]


def test_a_vote_that_is_handed_on_by_a_stranger_is_refused_and_recorded() -> None:
    approval, caller = asked(), Caller(stage.person(staff=False))
    body = {"to": stage.person().username, "digest": approval.digest}
    refused(caller.post(f"approvals/{approval.id}/delegate", body), 403, "not_an_approver")
    assert attempts(caller.user, approval) == [("delegate", "refused", 403)]


def test_a_decision_that_counts_is_recorded_with_the_look_that_it_was() -> None:
    approval, user = asked(), stage.person(group="finance", staff=False)
    told = {"decision": "approve", "digest": approval.digest, "comment": ""}
    stage.post(stage.browser(user), f"/approvals/{approval.id}", told)
    [(question, outcome, _)] = attempts(user, approval)
    assert (question, outcome) == ("console-decide", "granted")


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("approver", {"view_job", "view_approval"}, {"control_job", "resolve_effect", "erase_job"}),
        (
            "operator",
            {"submit_job", "control_job", "resolve_effect"},
            {"erase_job", "prune_job", "manage_webhook"},
        ),
        (
            "admin",
            {"control_job", "erase_job", "hold_job", "manage_webhook", "view_forensics"},
            {"change_job", "delete_event"},
        ),
    ],
)
def test_roles_come_with_the_tables(role: str, may: set[str], may_not: set[str]) -> None:
    has = set(Group.objects.get(name=role).permissions.values_list("codename", flat=True))
    assert may <= has
    assert not may_not & has


def test_a_group_of_the_sites_own_that_bears_a_roles_name_is_given_nothing() -> None:
    group = Group.objects.get(name="admin")
    before = list(group.permissions.all())
    group.permissions.set([Permission.objects.get(codename="view_user")])
    try:
        roles.ensure()
        assert list(group.permissions.values_list("codename", flat=True)) == ["view_user"]
    finally:
        group.permissions.set(before)
