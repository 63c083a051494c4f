"""Tables of forensics itself: nothing here is part of any job."""

from .access import Access, AccessHead

__all__ = ["Access", "AccessHead"]
