"""Tables of forensics itself: nothing here is part of any job."""

from .access import Access, AccessHead
from .exporting import Export
from .searching import IndexState, Mention, SavedSearch
from .verifying import Alarm, Breakage, Verification

__all__ = [
    "Access", "AccessHead", "Alarm", "Breakage", "Export", "IndexState", "Mention", "SavedSearch", "Verification",
]  # fmt: skip
