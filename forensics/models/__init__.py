"""Tables of forensics itself: nothing here is part of any job."""

from .access import Access, AccessHead
from .exporting import Export
from .searching import IndexState, Mention, SavedSearch

__all__ = ["Access", "AccessHead", "Export", "IndexState", "Mention", "SavedSearch"]
