"""What an auditor asks."""

from .across import neighbours
from .evidence import followed, who, why
from .questions import replay_job, verify_and_note, verify_job
from .reading import graph_of_job, prov_of_job
from .telling import reasoning_of, timeline_of
from .watching import anomalies, quality_of

__all__ = [
    "anomalies", "followed", "graph_of_job", "neighbours", "prov_of_job", "quality_of", "reasoning_of", "replay_job", "timeline_of",
    "verify_and_note", "verify_job", "who", "why",
]  # fmt: skip
