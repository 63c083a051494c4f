"""Addresses of the forensic API, each with and without a slash at its end."""

from __future__ import annotations

from django.urls import URLPattern, path

from . import access, evidence, exports, jobs, log, search, states, verifications, watching
from .base import ForensicFace

app_name = "aetheris_forensics"


def _both(route: str, view: type[ForensicFace], name: str) -> list[URLPattern]:
    return [path(route, view.as_view(), name=name), path(f"{route}/", view.as_view(schema=None))]


urlpatterns = [
    *_both("jobs/<uuid:job>/verify", jobs.VerifyView, "verify"),
    *_both("jobs/<uuid:job>/replay", jobs.ReplayView, "replay"),
    *_both("jobs/<uuid:job>/state", states.StateView, "state"),
    *_both("jobs/<uuid:job>/export", exports.ExportView, "export-job"),
    *_both("jobs/<uuid:job>/evidence", evidence.EvidenceView, "evidence"),
    *_both("jobs/<uuid:job>/timeline", evidence.TimelineView, "timeline"),
    *_both("jobs/<uuid:job>/nodes/<path:node>/reasoning", evidence.ReasoningView, "reasoning"),
    *_both("forensics/who", evidence.WhoView, "who"),
    *_both("forensics/why", evidence.WhyView, "why"),
    *_both("forensics/followed", evidence.FollowedView, "followed"),
    *_both("forensics/exports", exports.ExportsView, "exports"),
    *_both("forensics/exports/<uuid:export>", exports.BatchView, "export"),
    *_both("forensics/exports/<uuid:export>/download", exports.BatchFileView, "download-export"),
    *_both("forensics/access", access.AccessView, "access"),
    *_both("forensics/access/verify", access.AccessVerifyView, "access-verify"),
    *_both("jobs/<uuid:job>/quality", watching.QualityView, "quality"),
    *_both("forensics/anomalies", watching.AnomaliesView, "anomalies"),
    *_both("forensics/verifications", verifications.VerificationsView, "verifications"),
    *_both("forensics/verifications/<uuid:verification>", verifications.VerificationView, "verification"),
    *_both("forensics/verifications/<uuid:verification>/breaks", verifications.BreaksView, "breaks"),
    *_both(
        "forensics/verifications/<uuid:verification>/cancel", verifications.CancelVerificationView, "cancel"
    ),
    *_both("forensics/checkpoints", log.CheckpointsView, "checkpoints"),
    *_both("forensics/checkpoints/latest", log.LatestView, "latest-checkpoint"),
    *_both("forensics/checkpoints/<int:size>", log.CheckpointView, "checkpoint"),
    *_both("forensics/inclusion", log.InclusionView, "inclusion"),
    *_both("forensics/consistency", log.ConsistencyView, "consistency"),
    *_both("forensics/keys", log.KeysView, "log-keys"),
    *_both("forensics/anchors", log.AnchorsView, "anchors"),
    *_both("forensics/log/verify", log.LogVerifyView, "verify-log"),
    *_both("forensics/query", search.QueryView, "query"),
    *_both("forensics/queries", search.QueriesView, "queries"),
    *_both("forensics/queries/<uuid:query>", search.SavedView, "saved-query"),
    *_both("forensics/queries/<uuid:query>/run", search.RunView, "run-query"),
]
