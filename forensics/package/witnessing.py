"""The witness of a package: the first checkpoint that contains the job's head, and the proof that it does."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobs import keys
from jobs.models import Job

from ..standalone import key_id, leaf_hash, leaf_head, read_vkey, vkey_of


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
        """Whether it is a witness of the head that the job has now."""
        return leaf_head(self.leaf) == (str(job.id), job.head_seq, job.head_hash)

    def inclusion(self) -> dict[str, Any]:
        """The file `inclusion.json`."""
        return {"leaf": self.leaf, "index": self.index, "size": self.size, "path": list(self.path)}

    @property
    def public_keys(self) -> tuple[bytes, ...]:
        """The keys as bytes."""
        return tuple(read_vkey(each)[1] for each in self.keys)


def witness(job_id: UUID | str) -> Witness:
    """The witness of a job's head: until there is a log to ask, a tree of this one leaf, signed all the same.

    Its origin is the head's own, so that nobody takes the trees of two heads for one log that was rewritten.
    """
    job = Job.objects.only("id", "head_seq", "head_hash").get(id=job_id)
    signer = keys.signer()
    leaf = f"aetheris.head.v1\n{job.id}\n{job.head_seq}\n{job.head_hash}\n"
    origin = f"{signer.name}/alone/{job.id}/{job.head_seq}"
    text = f"{origin}\n1\n{b64encode(leaf_hash(leaf.encode())).decode()}\n"
    signature = key_id(origin, signer.public) + signer.sign(text.encode())
    note = f"{text}\n\u2014 {origin} {b64encode(signature).decode()}\n"
    return Witness(note, leaf, 0, 1, (), (vkey_of(signer.name, signer.public),))
