"""`AETHERIS = {…}` is read once, and again whenever it says something else."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test.utils import override_settings

from jobs import conf


def test_settings_that_change_are_seen_at_the_next_look_even_inside_the_same_mapping() -> None:
    told: dict[str, Any] = {"LEASE_TTL": 11.0, "SECRETS": {"a": 1}}
    with override_settings(AETHERIS=told):
        assert conf.conf().LEASE_TTL == 11.0
        told["LEASE_TTL"] = 12.0
        assert conf.conf().LEASE_TTL == 12.0
        told["SECRETS"]["a"] = 2
        assert conf.conf().SECRETS == {"a": 2}
        told["NOSUCH"] = 1
        with pytest.raises(ImproperlyConfigured, match="NOSUCH"):
            conf.conf()
    with override_settings(AETHERIS={"LEASE_TTL": 13.0}):
        assert conf.conf().LEASE_TTL == 13.0
