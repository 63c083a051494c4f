"""No page reads more of a large database than of a small one: queries counted, and what each of them looks at.

The bounds are the same at both sizes. The large one is read by `benchmarks/pages.py` with a hundred times as much.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from jobs.models import Addressee, Approval
from jobs.models.agenda import NEVER
from jobs.seeding import seed
from jobs.seeding.stories import GROUP
from jobs.seeding.writing import analyse, columns_of, insert
from ledger.models import Invocation
from tests import factories
from tests.faces import admin_stage as stage
from tests.faces.costs import Cost, cost, pages

# A database of its own: what an index is worth, SQLite judges by the average over all tenants, other tests' among them.
pytestmark = [pytest.mark.usefixtures("fresh_database"), pytest.mark.timeout(600)]
ROWS = {"postgresql": 2_100, "sqlite": 400}  # of one question: a count up to a thousand is the dearest
LISTS = {"postgresql": 500, "sqlite": 120}  # where nothing is counted that far
QUERIES = 45
SMALL = (300, 3_000)
# Postgres reads what is small as a whole, because that is cheaper; of what is large it takes an index, if there is one.
LARGE = {"postgresql": (20_000, 200_000), "sqlite": (3_500, 35_000)}
CROWD = {"postgresql": 20_000, "sqlite": 3_000}


def _copies(row: Any, number: int, **more: Any) -> None:
    """Rows like this one without a history, taken back after they were counted."""
    names = columns_of(type(row))
    values = {name: getattr(row, name) for name in names}
    fresh = {"id": uuid4, "job_id": uuid4, **more}
    made = [{**values, **{key: make() for key, make in fresh.items()}} for _ in range(number)]
    insert({type(row): [list(each.values()) for each in made]})


def _crowd(tenant: str, number: int) -> None:
    """Many questions to other people, many that were answered, and many effects, over time."""
    asked = Approval.objects.filter(tenant=tenant, state="open")[0]
    later = count(1)

    def moment() -> datetime:
        return asked.requested_at + timedelta(seconds=next(later))

    _copies(asked, number, requested_at=moment)
    _copies(asked, number, requested_at=moment, decided_at=moment, state=lambda: "approved")
    keys = Approval.objects.filter(tenant=tenant).exclude(
        pk__in=Addressee.objects.filter(tenant=tenant).values("approval")
    )
    others = [
        [tenant, "group:others", state == "open", key, job, NEVER, at]
        for key, job, state, at in keys.order_by().values_list("id", "job_id", "state", "requested_at")
    ]
    insert({Addressee: others})
    line = Invocation.objects.filter(tenant=tenant, state="unknown")[0]
    for state in ("unknown", "landed"):
        _copies(line, number, business_key=lambda: None, holds=lambda: False, promised_at=moment,
                idempotency_key=lambda: uuid4().hex, state=lambda state=state: state)  # fmt: skip


def _costs(tenant: str, user: User, settings: Any) -> dict[str, Cost]:
    settings.AETHERIS = {**settings.AETHERIS, "DEFAULT_TENANT": tenant}
    browser = stage.browser(user)
    return {url: cost(browser, url) for url in pages(tenant)}


def test_no_page_of_any_face_reads_more_when_there_is_more(settings: Any) -> None:
    small, large = factories.a_tenant(), factories.a_tenant()
    asked, stranger = (stage.person(group=name) for name in (GROUP, stage.person().username))
    User.objects.filter(pk__in=[asked.pk, stranger.pk]).update(is_superuser=True)
    seed(*SMALL, small)
    seed(*LARGE[connection.vendor], large)
    found: list[tuple[str, str, Cost]] = []
    with transaction.atomic():
        _crowd(small, 20)
        _crowd(large, CROWD[connection.vendor])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        for who in (asked, stranger):
            user = User.objects.get(pk=who.pk)
            for tenant in (small, large):
                found += [(tenant, url, each) for url, each in _costs(tenant, user, settings).items()]
        transaction.set_rollback(True)
    analyse()
    dear = []
    for tenant, url, each in found:
        wide = url == "/" or "mine=" in url or url.startswith("/admin/")
        bound = (ROWS if wide else LISTS)[connection.vendor]
        if each.most > bound or each.queries > QUERIES:
            dear.append((tenant == large, url, each.queries, each.rows[0]))
    assert not dear, "\n".join(map(str, dear))
