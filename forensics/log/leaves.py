"""What a leaf says: the head of a job, or of a tenant's access log. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from jobs.core.chain import canonical

from ..standalone import LEAF, leaf_hash

FORMAT, ACCESS_FORMAT = "aetheris.head.v1", "aetheris.access-head.v1"
_ACCESS = re.compile(r'aetheris\.access-head\.v1\n("[\x20-\x7e]*")\n([1-9][0-9]{0,17})\n([0-9a-f]{64})\n')


@dataclass(frozen=True, slots=True)
class Told:
    """A head: of a job, or (`job` is empty) of a tenant's access log.

    Args:
        job: id of the job.
        tenant: of the access log; of a job the leaf does not say it.
        seq: number of its last event or entry.
        hash: of that one.
    """

    job: str
    tenant: str
    seq: int
    hash: str

    @property
    def text(self) -> str:
        """The leaf."""
        if self.job:
            return f"{FORMAT}\n{self.job}\n{self.seq}\n{self.hash}\n"
        return f"{ACCESS_FORMAT}\n{canonical(self.tenant)}\n{self.seq}\n{self.hash}\n"

    @property
    def leaf(self) -> bytes:
        """The leaf's hash."""
        return leaf_hash(self.text.encode())


def told(text: str) -> Told | None:
    """What a leaf says; None if it is none of ours."""
    if found := LEAF.fullmatch(text):
        return Told(found[1], "", int(found[2]), found[3])
    if found := _ACCESS.fullmatch(text):
        try:
            tenant = json.loads(found[1])
        except ValueError:
            return None
        return Told("", tenant, int(found[2]), found[3])
    return None
