"""Addresses of the API, each with and without a slash at its end."""

from __future__ import annotations

from django.urls import URLPattern, path
from rest_framework.views import APIView

from . import (
    agents,
    approvals,
    confirming,
    forking,
    history,
    jobs,
    keeping,
    own_tokens,
    pruning,
    registry,
    system,
    unresolved,
    webhooks,
    words,
)

app_name = "aetheris"


def both(route: str, view: type[APIView], name: str, **options: str) -> list[URLPattern]:
    """A route as it is published, and the same with a slash, which the schema does not list."""
    return [
        path(route, view.as_view(**options), name=name),
        path(f"{route}/", view.as_view(**options, schema=None)),
    ]


urlpatterns = [
    *both("jobs", jobs.JobsView, "jobs"),
    *both("jobs/<uuid:job>", jobs.JobView, "job"),
    *both("jobs/<uuid:job>/events", history.EventsView, "events"),
    *both("jobs/<uuid:job>/events/stream", history.StreamView, "stream"),
    *both("jobs/<uuid:job>/signals", words.SignalsView, "signals"),
    *both("jobs/<uuid:job>/messages", words.MessagesView, "messages"),
    *both("jobs/<uuid:job>/pause", words.PauseView, "pause"),
    *both("jobs/<uuid:job>/resume", words.ResumeView, "resume"),
    *both("jobs/<uuid:job>/cancel", words.CancelView, "cancel"),
    *both("jobs/<uuid:job>/retry", forking.RetryView, "retry"),
    *both("jobs/<uuid:job>/fork", forking.ForkView, "fork"),
    *both("jobs/<uuid:job>/confirm", confirming.ConfirmView, "confirm"),
    *both("jobs/<uuid:job>/trace", history.TraceView, "trace"),
    path("jobs/<uuid:job>/nodes/<path:node>", history.NodeView.as_view(), name="node"),
    *both("jobs/<uuid:job>/erase", keeping.EraseView, "erase"),
    *both("jobs/<uuid:job>/prune", pruning.PruneView, "prune"),
    *both("jobs/<uuid:job>/hold", keeping.JobHoldView, "job-hold"),
    *both("forensics/holds", keeping.HoldsView, "holds"),
    *both("forensics/holds/<uuid:hold>", keeping.HoldView, "hold"),
    *both("forensics/holds/<uuid:hold>/release", keeping.ReleaseView, "release"),
    *both("forensics/tombstones", keeping.TombstonesView, "tombstones"),
    *both("forensics/tombstones/<uuid:pruned>", keeping.TombstoneView, "tombstone"),
    *both("forensics/retention", keeping.RetentionView, "retention"),
    *both("approvals", approvals.ApprovalsView, "approvals"),
    *both("approvals/<uuid:approval>", approvals.ApprovalView, "approval"),
    *both("approvals/<uuid:approval>/attachments/<int:number>", approvals.AttachmentView, "attachment"),
    *both("approvals/<uuid:approval>/decide", approvals.DecideView, "decide"),
    *both("approvals/<uuid:approval>/delegate", approvals.DelegateView, "delegate"),
    *both("unresolved", unresolved.UnresolvedView, "unresolved"),
    *both("unresolved/<uuid:invocation>/resolve", unresolved.ResolveView, "resolve"),
    *both("definitions", registry.DefinitionsView, "definitions"),
    *both("definitions/<str:name>", registry.DefinitionView, "definition"),
    *both("agents", agents.AgentsView, "agents"),
    *both("agents/<str:agent>", agents.AgentView, "agent"),
    *both("agents/<str:agent>/message", agents.AgentMessageView, "agent-message"),
    *both("agents/<str:agent>/state", agents.AgentStateView, "agent-state"),
    *both("agents/<str:agent>/jobs", agents.AgentJobsView, "agent-jobs"),
    *both("agents/<str:agent>/pause", agents.AgentPauseView, "agent-pause"),
    *both("agents/<str:agent>/resume", agents.AgentResumeView, "agent-resume"),
    *both("tools", registry.ToolsView, "tools"),
    *both("tools/<str:name>", registry.ToolView, "tool"),
    *both("workers", registry.WorkersView, "workers"),
    *both("system/overview", system.OverviewView, "overview"),
    *both("system/stuck", system.StuckView, "stuck"),
    *both("me", system.MeView, "me"),
    *both("webhooks", webhooks.WebhooksView, "webhooks"),
    *both("webhooks/<uuid:webhook>", webhooks.WebhookView, "webhook"),
    *both("webhooks/<uuid:webhook>/rotate", webhooks.RotateView, "webhook-rotate"),
    *both("webhooks/<uuid:webhook>/test", webhooks.TestView, "webhook-test"),
    *both("webhooks/<uuid:webhook>/deliveries", webhooks.SentView, "webhook-deliveries"),
    *both("tokens", own_tokens.TokensView, "tokens"),
    *both("tokens/<int:token>", own_tokens.TokenView, "token"),
]
