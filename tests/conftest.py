"""What every test shares: the settings it runs under, the database, and the property-test profiles."""

from __future__ import annotations

import importlib.util
import os

from hypothesis import HealthCheck, settings

if importlib.util.find_spec("aetheris_site") and importlib.util.find_spec("aetheris_site.settings"):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetheris_site.settings")

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")
