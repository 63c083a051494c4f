"""`manage.py aetheris_verify`: for cron; it ends with 1 on a break, and is an access like any other."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from forensics.models import Access
from jobs.models import Job
from tests.forensics.accessing import a_tenant
from tests.forensics.verifying import jobs_of, standing

pytestmark = pytest.mark.usefixtures("engine_db")


def verify(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("aetheris_verify", *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def fails(*args: str) -> CommandError:
    with pytest.raises(CommandError) as raised:
        verify(*args)
    return raised.value


def test_everything_of_a_tenant_is_verified_in_this_process_and_recorded() -> None:
    tenant = a_tenant()
    jobs_of(tenant, 2)
    out, err = verify("--all", "--tenant", tenant, "--json")
    [found] = json.loads(out)
    assert (found["ok"], found["state"], found["jobs"], found["source"]) == (True, "done", 2, "command")
    assert "2 of 2 jobs" in err
    [entry] = Access.objects.filter(tenant=tenant)
    assert (entry.action, entry.question) == ("verify", "aetheris_verify")


def test_every_tenant_is_verified_where_none_is_named() -> None:
    tenant = a_tenant()
    jobs_of(tenant, 1)
    out, _ = verify("--since", "1h", "--agent", f"nobody-{tenant}", "--json")
    assert {tenant, "default"} <= {each["tenant"] for each in json.loads(out)}


def test_a_break_ends_with_1_and_names_job_kind_and_what_is_wrong() -> None:
    tenant = a_tenant()
    jobs = jobs_of(tenant, 2)
    Job.objects.filter(id=jobs[1]).update(outcome="forged")
    failed = fails("--all", "--tenant", tenant)
    assert failed.returncode == 1
    assert f"job {jobs[1]}: derived_row: the job row: outcome" in str(failed)
    assert standing(tenant) == {f"job:{jobs[1]}"}
    one = fails("--job", jobs[1])
    assert (one.returncode, f"job {jobs[1]}: derived_row" in str(one)) == (1, True)
    Job.objects.filter(id=jobs[1]).update(outcome="")
    verify("--job", jobs[1])
    assert standing(tenant) == set()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ((), 2), (("--all", "--agent", "x"), 2), (("--since", "yesterday"), 2), (("--status", "asleep"), 2),
        (("--job", "01980000-0000-7000-8000-000000000000"), 3),
    ],
)  # fmt: skip
def test_what_is_no_question_says_so(args: tuple[Any, ...], code: int) -> None:
    assert fails(*args).returncode == code
