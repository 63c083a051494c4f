"""The witness of a package: the first checkpoint that contains the job's head, and the proof that it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs.models import Job

from .. import log
from ..log.leaves import Told
from ..standalone import leaf_head, read_vkey


@dataclass(frozen=True)
class Witness:
    """What the log says of one head.

    Args:
        checkpoint: the signed text.
        leaf: the leaf's text.
        index: its place in the log.
        size: leaves under the checkpoint.
        path: of the inclusion proof, hashes in hex.
        keys: public keys of the log, one line each, the one that signed the checkpoint among them.
    """

    checkpoint: str
    leaf: str
    index: int
    size: int
    path: tuple[str, ...]
    keys: tuple[str, ...]

    def covers(self, job: Job) -> bool:
        """Whether it is a witness of the job's head, or of a later one that the job does not have any more."""
        name, seq, _ = leaf_head(self.leaf)
        return name == str(job.id) and seq >= job.head_seq

    def inclusion(self) -> dict[str, Any]:
        """The file `inclusion.json`."""
        return {"leaf": self.leaf, "index": self.index, "size": self.size, "path": list(self.path)}

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """The keys as bytes."""
        return tuple(read_vkey(each)[1] for each in self.keys)


def witness(job_id: UUID | str) -> Witness:
    """The witness of a job's head; a head that is not in the log yet is logged first.

    Where the log knows the job at a later event, or at this one with another hash, it is the witness of that: no package
    of such a history verifies.

    Raises:
        Job.DoesNotExist: there is no such job.
        NoSigningKey: nothing can be signed.
    """
    job = Job.objects.only("id", "tenant", "head_seq", "head_hash").get(id=job_id)
    leaf = log.last_leaf(job.id)
    if leaf is None or leaf.seq < job.head_seq:
        log.signer()  # what cannot be signed is not logged either
        log.add([(job.tenant, Told(str(job.id), "", job.head_seq, job.head_hash))])
        leaf = log.last_leaf(job.id)
    assert leaf is not None
    head = log.first_with(leaf.index) or log.checkpoint()
    assert head is not None
    head = log.first_with(leaf.index) or head  # somebody may have signed an earlier one meanwhile
    path = tuple(each.hex() for each in log.tree().inclusion(leaf.index, head.size))
    return Witness(head.text, leaf.text, leaf.index, head.size, path, (log.key_of(head),))
