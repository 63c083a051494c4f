"""What an auditor asks."""

from .questions import replay_job, verify_job

__all__ = ["replay_job", "verify_job"]
