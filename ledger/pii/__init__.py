"""Personal data in text and in JSON: ten kinds, found in one order and never twice (pure).

What is found is a guess with a stated confidence, never a proof of absence. Every pattern has bounded repetition and
begins where a word begins, so a text of any length and shape is read in linear time.

Where two findings overlap, one stays: the one whose kind stands first in `KINDS`; of one kind the leftmost; of those
the longest. Nothing depends on the order of a mapping, so the same text always gives the same findings.
"""

from .finding import LIKELY, Finding, Place, find, find_in
from .patterns import KINDS
from .redacting import hashed, redact, redact_in

__all__ = ["KINDS", "LIKELY", "Finding", "Place", "find", "find_in", "hashed", "redact", "redact_in"]
