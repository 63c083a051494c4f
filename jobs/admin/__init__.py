"""The human face: jobs, approvals, unresolved effects, workers, tokens. Reads, and verbs; it decides nothing."""

from __future__ import annotations

from . import approvals, instances, jobs, keeping, registers, tokens, unresolved, webhooks

__all__ = ["approvals", "instances", "jobs", "keeping", "registers", "tokens", "unresolved", "webhooks"]
