"""Tables of forensics itself: nothing here is part of any job."""

from .access import Access, AccessHead
from .exporting import Export
from .searching import IndexState, Mention, SavedSearch
from .transparency import Anchor, Checkpoint, LogKey, LogLeaf, LogState, LogTile
from .verifying import Alarm, Breakage, Verification

__all__ = [
    "Access", "AccessHead", "Alarm", "Anchor", "Breakage", "Checkpoint", "Export", "IndexState", "LogKey", "LogLeaf", "LogState",
    "LogTile", "Mention", "SavedSearch", "Verification",
]  # fmt: skip
