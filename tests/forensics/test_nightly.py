"""The verification that nobody asks for: of every tenant, once in a period."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ImproperlyConfigured

from forensics import inspection
from forensics.inspection import nightly
from forensics.models import Verification
from jobs import clock
from jobs.conf import check
from tests.forensics.accessing import a_tenant
from tests.forensics.verifying import jobs_of

pytestmark = pytest.mark.usefixtures("here")


def test_every_tenant_is_verified_once_in_a_period_however_often_it_is_asked_for(settings: object) -> None:
    tenant = a_tenant()
    jobs_of(tenant, 1)
    settings.AETHERIS = {**settings.AETHERIS, "VERIFY_EVERY": "1h"}  # type: ignore[attr-defined]
    assert nightly.due() > 0
    assert nightly.due() == 0
    [row] = inspection.verifications_of(tenant)
    assert (row.source, row.requester, row.scope) == ("nightly", "system", "{}")
    clock.shift(3600)
    nightly.due()
    assert inspection.verifications_of(tenant).count() == 2
    Verification.objects.filter(source="nightly").delete()


@pytest.mark.parametrize(
    ("every", "at", "period"),
    [
        ("02:30", "2026-01-05T02:29:59", None),
        ("02:30", "2026-01-05T02:30:00", "2026-01-05"),
        ("02:30", "2026-01-05T23:59:59", "2026-01-05"),
        ("", "2026-01-05T12:00:00", None),
        ("1d", "1970-01-03T12:00:00", "1d 2"),
    ],
)
def test_the_period_of_a_moment(every: str, at: str, period: str | None) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert nightly.period_of(every, moment) == period


@pytest.mark.parametrize("wrong", ["25:00", "2:30", "nightly", "0h", "12"])
def test_a_period_that_is_none_is_refused_at_start(settings: object, wrong: str) -> None:
    settings.AETHERIS = {**settings.AETHERIS, "VERIFY_EVERY": wrong}  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured, match="VERIFY_EVERY"):
        check()
