"""The linter of the step contract: what planners and workflows must leave to tools, found without running them."""

from .checking import Finding, lint
from .codes import CODES

__all__ = ["CODES", "Finding", "lint"]
