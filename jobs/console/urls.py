"""Addresses of the console: at `/` in the shipped project, anywhere in another one."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import approvals, effects, job, jobs, nodes, overview, side_by_side, starting

LOGIN: dict[str, Any] = {
    "template_name": "aetheris/console/login.html", "next_page": "aetheris_console:overview",
    "extra_context": {"title": "Log in"},
}  # fmt: skip
app_name = "aetheris_console"

urlpatterns = [
    path("", overview.Overview.as_view(), name="overview"),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/searches", jobs.Searches.as_view(), name="searches"),
    path("jobs/<uuid:job>", job.JobPage.as_view(), name="job"),
    path("jobs/<uuid:job>/compare", side_by_side.Choose.as_view(), name="compare"),
    path("jobs/<uuid:job>/compare/<uuid:other>", side_by_side.SideBySide.as_view(), name="side_by_side"),
    path("jobs/<uuid:job>/do/<str:name>", job.VerbPage.as_view(), name="verb"),
    path("jobs/<uuid:job>/events/<int:seq>", job.EventPage.as_view(), name="event"),
    path("jobs/<uuid:job>/text/<str:name>", job.TextPage.as_view(), name="text"),
    path("jobs/<uuid:job>/nodes/<path:node>", nodes.NodePage.as_view(), name="node"),
    path("approvals", approvals.Approvals.as_view(), name="approvals"),
    path("approvals/<uuid:approval>", approvals.ApprovalPage.as_view(), name="approval"),
    path("start", starting.Start.as_view(), name="start"),
    path("start/<str:agent>", starting.StartAgent.as_view(), name="start_agent"),
    path("effects", effects.Effects.as_view(), name="effects"),
    path("effects/<uuid:line>", effects.EffectPage.as_view(), name="effect"),
    path("login", LoginView.as_view(**LOGIN), name="login"),
    path("logout", LogoutView.as_view(next_page="aetheris_console:login"), name="logout"),
]
