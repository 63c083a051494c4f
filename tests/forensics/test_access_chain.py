"""The access log: one chain for each tenant, searched and verified."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from forensics import access
from forensics.models import Access, AccessHead
from jobs import clock
from jobs.core.chain import GENESIS
from tests.forensics.accessing import a_caller, a_job, a_look, a_tenant, entries

pytestmark = pytest.mark.usefixtures("engine_db")


# --- the chain -----------------------------------------------------------------------------------------


def test_ten_at_once_make_one_chain_without_a_gap() -> None:
    tenant, failures = a_tenant(), []

    def body() -> None:
        try:
            for _ in range(5):
                access.append(a_look(tenant))
        except DatabaseError as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=body) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert [each["seq"] for each in entries(tenant)] == list(range(1, 51))
    assert access.verify_accesses(tenant)["ok"]


def test_an_entry_costs_three_statements_and_its_transaction() -> None:
    tenant = a_tenant()
    access.append(a_look(tenant))
    seen: list[str] = []

    def note(run: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql.split()[0].upper())
        return run(sql, params, many, context)

    with connection.execute_wrapper(note):
        access.append(a_look(tenant))
    work = [each for each in seen if each not in ("BEGIN", "SET")]
    assert work == ["SELECT", "INSERT", "UPDATE"]


def test_time_of_an_entry_is_the_databases_and_never_goes_back() -> None:
    tenant = a_tenant()
    clock.shift(100)
    try:
        access.append(a_look(tenant))
    finally:
        clock.shift(-100)
    access.append(a_look(tenant))
    first, second = entries(tenant)
    assert second["at"] == first["at"]
    assert access.verify_accesses(tenant)["ok"]


@pytest.mark.parametrize(
    "sql", ["UPDATE {} SET who = 'x' WHERE tenant = %s", "DELETE FROM {} WHERE tenant = %s"]
)
@pytest.mark.parametrize("model", [Access, AccessHead])
def test_no_entry_is_changed_or_removed(model: Any, sql: str) -> None:
    tenant = a_tenant()
    access.append(a_look(tenant))
    wish = sql.format(model._meta.db_table).replace("who = 'x'", "hash = 'x'")
    with pytest.raises(IntegrityError, match="append-only|only moves forward"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(wish, [tenant])
    assert access.verify_accesses(tenant)["ok"]


# --- searching -----------------------------------------------------------------------------------------


def test_the_log_is_searched_by_who_what_job_outcome_and_time() -> None:
    tenant = a_tenant()
    caller, one, two = a_caller(tenant), a_job(tenant), a_job(tenant)
    caller.get(f"jobs/{one}/trace")
    caller.post(f"jobs/{two}/verify")
    caller.get(f"jobs/{uuid4()}/trace")

    def found(query: str) -> list[str]:
        results = caller.get(f"forensics/access?{query}").json()["results"]
        return [
            f"{each['action']} {each['question']} {each['status']}"
            for each in results
            if each["question"] != "access"
        ]

    everything = ["view trace 404", "verify verify 200", "view trace 200"]
    assert found("") == everything
    assert found(f"who={caller.user.get_username()}") == everything
    assert found(f"who={caller.user.pk}") == everything
    assert found("who=nobody") == []
    assert found("what=verify") == ["verify verify 200"]
    assert found(f"job={one}") == ["view trace 200"]
    assert found("outcome=refused") == ["view trace 404"]
    assert found("since=1h") == everything
    assert found("until=1h") == []
    later = (clock.now() + timedelta(hours=1)).isoformat().replace("+", "%2B")
    assert found(f"since={later}") == []
    assert found(f"until={later}") == everything
    for wrong in ("since=yesterday", "job=7", "outcome=maybe", "whom=x"):
        assert caller.get(f"forensics/access?{wrong}").status_code == 422


def test_pages_of_the_log_stay_right_while_it_grows() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    for number in range(7):
        access.append(a_look(tenant, target=str(number)))
    seen, url = [], "forensics/access?limit=2&what=view"
    while url:
        answer = caller.get(url).json()  # and is an entry itself
        seen += [each["target"] for each in answer["results"] if each["question"] == "trace"]
        url = answer["next"]
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_nobody_sees_the_log_of_another_tenant() -> None:
    tenant, other = a_tenant(), a_tenant()
    access.append(a_look(other))
    assert a_caller(tenant).get("forensics/access").json()["results"] == []


def test_the_api_verifies_the_log_and_names_the_first_break() -> None:
    tenant = a_tenant()
    caller = a_caller(tenant)
    for _ in range(3):
        access.append(a_look(tenant))
    found = caller.post("forensics/access/verify").json()
    assert (found["ok"], found["entries"], found["problem"]) == (True, 3, None)
    AccessHead.objects.create(tenant=f"{tenant}-empty", seq=2, hash=GENESIS)
    gone = access.verify_accesses(f"{tenant}-empty")
    assert (gone["ok"], gone["problem"]["kind"], gone["problem"]["seq"]) == (False, "missing", 1)
