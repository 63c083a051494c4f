"""Much data in little time, to measure with: jobs with whole histories and valid chains that nobody has run."""

from .running import Refusal, Report, seed

__all__ = ["Refusal", "Report", "seed"]
