"""The access log: every look at forensic data is itself a chained entry, per tenant."""

from . import acts
from .acts import DONE
from .commands import at_machine, recorded
from .reading import FILTERS, OUTCOMES, access_json, accesses, heads, verify_accesses
from .writing import append
from .writing import connect as _connect

__all__ = [
    "DONE",
    "FILTERS", "OUTCOMES", "access_json", "accesses", "append", "at_machine", "connect", "heads", "recorded", "verify_accesses",
]  # fmt: skip


def connect() -> None:
    """Listen to every look, and to whatever is held or taken away."""
    _connect()
    acts.connect()
