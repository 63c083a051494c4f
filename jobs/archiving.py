"""What apps above this one do before a job is pruned, and when something is held or taken away: they add themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.dispatch import Signal

from .core.commands import Actor
from .core.errors import Illegal

# forgotten.send(sender, tenant=…, job=UUID, seqs=[…] or None): inside the transaction in which bodies of a job are
# erased, or the job is pruned (None): whoever keeps copies of them lets them go now. An error takes all of it back.
forgotten = Signal()
# marked.send(sender, act=Act): inside the transaction in which a legal hold is placed or released, bodies are erased or a
# job is pruned, as its last statement: whoever keeps a chain beside the jobs binds it. An error takes all of it back.
marked = Signal()


@dataclass(frozen=True)
class Act:
    """Something was held, released, erased or pruned.

    Args:
        verb: hold, release, erase or prune.
        actor: who did it.
        tenant: whose.
        record: what the row that stays says of it; a digest of this is bound.
        job: the one job it is about; empty for a hold on others.
        target: id of the hold.
    """

    verb: str
    actor: Actor
    tenant: str
    record: Mapping[str, Any]
    job: str = ""
    target: str = ""


def mark(act: Act) -> None:
    """Tell whoever keeps a chain beside the jobs."""
    marked.send(sender=Act, act=act)


@dataclass(frozen=True)
class Archived:
    """A job's package, written and verified.

    Args:
        path: where it lies.
        sha256: of the file.
        head_seq: number of the last event in it.
        head_hash: and its hash.
    """

    path: Path
    sha256: str
    head_seq: int
    head_hash: str


Archiver = Callable[[UUID, Path], Archived]
_known: list[Archiver] = []


def register(archive: Archiver) -> Archiver:
    """Say how a job is archived; the last one that is registered does it.

    Args:
        archive: writes the package of a job into a folder, reads it back and verifies it, and gives what it wrote; what
            it wrote before is written again without harm. The file's name is the job's id, a dot, a part that another
            content does not share, and `.zip`. It raises if the package does not verify.
    """
    _known.append(archive)
    return archive


def archiver() -> Archiver:
    """How a job is archived.

    Raises:
        Illegal: nothing is registered.
    """
    if not _known:
        raise Illegal(
            "jobs cannot be archived here: add `forensics` to INSTALLED_APPS, or register an archiver",
            code="no_archiver",
        )
    return _known[-1]
