"""The reading side that every face shares: plain reads, scoped by tenant, as the JSON that clients get."""

from .ancestry import forked_from, forks_of
from .approvals import approval_json, approvals_json, approvals_of, why_not
from .effects import unresolved_json, unresolved_of
from .events import events_of, wire, wire_events
from .instances import instance_for, instance_json, instances_json, instances_of, state_json
from .jobs import job_for, job_json, jobs_of
from .registry import definition, definitions, tool, tools
from .stuck import stuck
from .system import overview
from .tracing import node_detail, steps_in_depth, trace
from .workers import workers_json, workers_of

__all__ = [
    "approval_json",
    "approvals_json",
    "approvals_of",
    "definition",
    "definitions",
    "events_of",
    "forked_from",
    "forks_of",
    "instance_for",
    "instance_json",
    "instances_json",
    "instances_of",
    "job_for",
    "job_json",
    "jobs_of",
    "node_detail",
    "overview",
    "state_json",
    "stuck",
    "tool",
    "tools",
    "steps_in_depth",
    "trace",
    "unresolved_json",
    "unresolved_of",
    "why_not",
    "wire",
    "wire_events",
    "workers_json",
    "workers_of",
]
