"""The deploy gate: would the code of today have decided the same as the jobs on record?"""

from .history import NotComparable, replayed
from .report import Comparison, Report

__all__ = ["Comparison", "NotComparable", "Report", "replayed"]
