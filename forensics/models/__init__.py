"""Tables of forensics itself: nothing here is part of any job."""

from .access import Access, AccessHead
from .searching import IndexState, Mention, SavedSearch

__all__ = ["Access", "AccessHead", "IndexState", "Mention", "SavedSearch"]
