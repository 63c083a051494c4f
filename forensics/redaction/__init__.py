"""Redaction: what is withheld from a copy of an event's body, by rule, and how (pure)."""

from .applying import GONE, Redactor, Withheld
from .rules import ASSOCIATED, BUILT_IN, HOWS, WHOLE, BadRule, Keys, Rule

__all__ = [
    "ASSOCIATED",
    "BUILT_IN",
    "GONE",
    "HOWS",
    "WHOLE",
    "BadRule",
    "Keys",
    "Redactor",
    "Rule",
    "Withheld",
]
