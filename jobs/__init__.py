"""The runtime: a job is its history; every change passes one door.

Authoring names are here at once; the verbs load with Django (PEP 562).
"""

from __future__ import annotations

from typing import Any

from .agents import agent, workflow
from .core.graph import TaskGraph
from .core.playback import CallFailed, NonDeterminism, TimedOut

VERBS = (
    "submit", "signal", "send_message", "approve", "reject", "cancel", "pause", "resume", "resolve", "retry", "fork",
    "create_agent", "message_agent", "pause_agent", "resume_agent", "delete_agent",
    "confirm", "accept_divergence", "sender_of",
)  # fmt: skip

__all__ = ["CallFailed", "NonDeterminism", "TaskGraph", "TimedOut", "agent", "attachment", "workflow", *VERBS]


def __getattr__(name: str) -> Any:
    if name in VERBS:
        from . import services

        return getattr(services, name)
    if name == "attachment":
        from .attachments import attachment

        return attachment
    raise AttributeError(f"module 'jobs' has no attribute {name!r}")
