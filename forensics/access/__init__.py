"""The access log: every look at forensic data is itself a chained entry, per tenant."""

from .commands import at_machine, recorded
from .reading import FILTERS, OUTCOMES, access_json, accesses, heads, verify_accesses
from .writing import append, connect

__all__ = [
    "FILTERS", "OUTCOMES", "access_json", "accesses", "append", "at_machine", "connect", "heads", "recorded", "verify_accesses",
]  # fmt: skip
