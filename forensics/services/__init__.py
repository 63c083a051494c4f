"""What an auditor asks."""

from .questions import replay_job, verify_and_note, verify_job
from .watching import anomalies, quality_of

__all__ = ["anomalies", "quality_of", "replay_job", "verify_and_note", "verify_job"]
