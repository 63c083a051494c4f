"""What the log remembers of jobs, held against the chain that the database shows now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ..models import LogLeaf
from ..proof import Break
from .leaves import Told
from .proofs import holds
from .reading import leaves_of

LEAVES = LogLeaf._meta.db_table


@dataclass
class Memory:
    """The heads that the log knows of one job; told of every event on the way along the chain.

    Args:
        job: its id.
        leaves: place, text and meaning of each, in the order of their numbers.
    """

    job: str
    leaves: Sequence[tuple[int, str, Told | None]] = ()
    broken: Break | None = None
    _by_seq: Mapping[int, tuple[int, str, Told]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_seq = {
            each.seq: (index, text, each) for index, text, each in self.leaves if each is not None
        }
        unread = next(
            ((index, text) for index, text, each in self.leaves if each is None or each.job != self.job), None
        )
        if unread is not None:
            self.broken = self._log_broken(*unread, 0)

    def see(self, seq: int, hash: str) -> None:
        """The chain has this hash at this number."""
        known = self._by_seq.get(seq)
        if known is not None and known[2].hash != hash and self.broken is None:
            index, text, each = known
            self.broken = self._differs(
                index,
                text,
                seq,
                f"event {seq} has the hash {hash[:16]}…, the log knows it with {each.hash[:16]}…",
            )

    def end(self, seq: int) -> None:
        """The chain ends here."""
        beyond = next((each for each in self._by_seq.values() if each[2].seq > seq), None)
        if beyond is not None and self.broken is None:
            index, text, each = beyond
            self.broken = self._differs(
                index, text, seq + 1, f"the chain ends at event {seq}, the log knows event {each.seq}"
            )

    def _differs(self, index: int, text: str, seq: int, why: str) -> Break:
        if not holds(index, text):
            return self._log_broken(index, text, seq)
        message = f"{why} (leaf {index}): the history was rewritten after it had been logged"
        return Break("rewritten_history", seq, message, LEAVES, str(index))

    def _log_broken(self, index: int, text: str, seq: int) -> Break:
        message = f"leaf {index} of the log is not the one that was signed; `aetheris log verify` looks at all of it"
        return Break("broken_log", seq, message, LEAVES, str(index), "text")


def memories(jobs: Sequence[UUID]) -> dict[UUID, Memory]:
    """What the log remembers of jobs."""
    found = leaves_of(jobs)
    return {job: Memory(str(job), found.get(job, ())) for job in jobs}
