"""Evidence packages: one file that proves what a job did, to somebody who trusts nobody (contract §7)."""

from .exporting import Exported, export
from .profiles import PROFILES_KEY, names, redactor

__all__ = ["PROFILES_KEY", "Exported", "export", "names", "redactor"]
