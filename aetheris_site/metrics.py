"""`/metrics`: what Prometheus scrapes, counted in the database at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forensics import inspection
from jobs.queries.system import gauges

PLAIN = {
    "workers": ("aetheris_workers_alive", "Living workers."),
    "approvals": ("aetheris_approvals_open", "Questions that wait for people."),
    "unresolved": ("aetheris_effects_unresolved", "Calls of which nobody knows whether they happened."),
    "deliveries": ("aetheris_deliveries_waiting", "Commands that one job still owes another."),
}


class Database(Collector):
    """The gauges of one scrape. Nothing is kept between scrapes, so every process gives the same answer."""

    def collect(self) -> Iterator[Metric]:
        """Count."""
        now = gauges()
        yield _labelled("aetheris_jobs", "Jobs by status.", "status", now["jobs"])
        yield _labelled("aetheris_agenda_steps", "Steps on the agenda by state.", "state", now["agenda"])
        for key, (name, words) in PLAIN.items():
            yield GaugeMetricFamily(name, words, value=now[key])
        oldest = "Seconds since when the step that has waited longest past its time is due; 0 where none is."
        yield GaugeMetricFamily("aetheris_oldest_due_seconds", oldest, value=_ago(now, "oldest_due"))
        tick = "Seconds since the last tick ended; -1 where there was none."
        yield GaugeMetricFamily(
            "aetheris_last_tick_seconds", tick, value=_ago(now, "tick") if now["tick"] else -1.0
        )
        events = "Events written: the highest row number, which also counts writes that were rolled back."
        yield CounterMetricFamily("aetheris_events", events, value=now["events"])
        yield from _verification()


def _verification() -> Iterator[Metric]:
    told = inspection.figures()
    broken = "Records that verification has found broken, and not whole since."
    yield GaugeMetricFamily("aetheris_broken_jobs", broken, value=told["broken"])
    verified = "Events that verifications of many jobs have looked at."
    yield CounterMetricFamily("aetheris_events_verified", verified, value=told["events"])
    since = "Seconds since everything was last verified to the end; -1 where it never was."
    yield GaugeMetricFamily("aetheris_last_verification_seconds", since, value=told["ago"])


def _labelled(name: str, words: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _ago(now: dict[str, Any], name: str) -> float:
    then: datetime | None = now[name]
    return max(0.0, (now["now"] - then).total_seconds()) if then else 0.0


def metrics(request: HttpRequest) -> HttpResponse:
    """The gauges as Prometheus text: counts only, over all tenants."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Database())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
