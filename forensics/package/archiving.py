"""The archive of a job that is about to be pruned: its evidence package, on the disk for good."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID, uuid4

from jobs import archiving
from jobs.archiving import Archived

from .exporting import export


def connect() -> None:
    """Archive jobs as evidence packages."""
    archiving.register(archive)


def archive(job: UUID, folder: Path) -> Archived:
    """Write the package of a job; it was read back and verified, and survives a loss of power, when this returns.

    Raises:
        Illegal: the job's record is broken, or nothing can be signed.
    """
    draft = folder / f".{job}.{uuid4().hex}"  # of this very attempt: another thread may be at the same job
    try:
        made = export(job, draft)
        _synced(draft)
        path = (
            folder / f"{job}.{made.sha256[:16]}.zip"
        )  # another attempt's is never replaced by another content
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _synced(folder)  # the name
    return Archived(path, made.sha256, made.seq, made.hash)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
