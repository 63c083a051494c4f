"""What forensics has noted from bodies goes when they are erased, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jobs.archiving import forgotten

from .models import Alarm, Breakage, Mention

AT_ONCE = 500
ERASED = "what was found here is erased"  # a finding repeats the beginning of what it found


def connect() -> None:
    """Let go of what was noted whenever bodies are erased, or a job is pruned."""
    forgotten.connect(forget, dispatch_uid="aetheris.forensics.forgetting")


def forget(job: UUID, seqs: Sequence[int] | None, **_: Any) -> None:
    """Let go of the names that events spoke of, and of the words of findings.

    Args:
        job: whose.
        seqs: the events whose bodies are erased; None: the job is pruned.
    """
    mentions = Mention.objects.filter(job_id=job)
    if seqs is None:
        mentions.delete()
    mentions = mentions.exclude(kind="job")  # an id is no content, and stays legible
    for start in range(0, len(seqs or ()), AT_ONCE):
        mentions.filter(seq__in=list(seqs or ())[start : start + AT_ONCE]).delete()
    for model in (Alarm, Breakage):
        model.objects.filter(job_id=job).update(message=ERASED)
