"""The deploy gate: would the code of today have decided the same as the jobs on record?"""

from .history import NotComparable, replayed
from .report import KINDS, Comparison, Report, compared, not_comparable, rendered

__all__ = [
    "KINDS",
    "Comparison",
    "NotComparable",
    "Report",
    "compared",
    "not_comparable",
    "rendered",
    "replayed",
]
