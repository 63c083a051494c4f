"""Is the log whole? Every leaf, tile, root and signature is computed anew; nothing is repaired.

It shows that the log agrees with itself. That it is the log which others have seen, only a checkpoint that they kept
can show (`kept.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..merkle import EMPTY, HEIGHT, WIDTH, leaf_hash, node_hash
from ..models import Checkpoint, LogLeaf, LogState, LogTile
from ..notes import BadNote, Key, read_checkpoint
from ..record import snapshot
from . import keyring
from .leaves import told

CHUNK = 2000


@dataclass(frozen=True)
class LogBreak:
    """The first place where the log is not what was written.

    Args:
        kind: leaf, missing_leaf, extra_leaf, tile, root, checkpoint, signature, unknown_key, end.
        place: number of the leaf, or size of the checkpoint.
        message: what was found, for people.
        table: where.
    """

    kind: str
    place: int
    message: str
    table: str

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "place": self.place, "message": self.message, "table": self.table}


@dataclass(frozen=True)
class LogFound:
    """What the look at the log has found; `checkpoints` and `leaves` count what holds."""

    leaves: int
    checkpoints: int
    root: str
    unsigned: int
    broken: LogBreak | None

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.broken is None, "leaves": self.leaves, "checkpoints": self.checkpoints, "root_hash": self.root,
            "unsigned": self.unsigned, "problem": self.broken.to_json() if self.broken else None,
        }  # fmt: skip


class _Broken(Exception):
    def __init__(self, kind: str, place: int, message: str, table: type[Any]) -> None:
        super().__init__(message)
        self.found = LogBreak(kind, place, message, table._meta.db_table)


def verify_log(known: list[Key] | None = None) -> LogFound:
    """Compute the whole log anew from its leaves, and hold tiles, checkpoints and signatures against it.

    Args:
        known: the keys that may have signed; None: those that are known here.

    Returns:
        What holds, and the first break.
    """
    with snapshot():
        walk = _Walk(keyring.known() if known is None else known)
        try:
            walk.go()
        except _Broken as broken:
            return LogFound(walk.size, walk.heads, walk.root().hex(), walk.size - walk.signed, broken.found)
        return LogFound(walk.size, walk.heads, walk.root().hex(), walk.size - walk.signed, None)


class _Walk:
    """From leaf to leaf, with the roots of the full subtrees on the way and the tiles that are being filled."""

    def __init__(self, known: list[Key]) -> None:
        self.known = known
        self.size = self.heads = self.signed = 0
        self.peaks: list[tuple[int, bytes]] = []  # level and root of full subtrees, from the left
        self.tiles: dict[int, bytearray] = {}  # the last tile of each level

    def go(self) -> None:
        """Walk to the end."""
        checkpoints = Checkpoint.objects.order_by("size").iterator(CHUNK)
        coming = next(checkpoints, None)
        rows = LogLeaf.objects.order_by("index").values_list("index", "tenant", "job_id", "seq", "text")
        for index, tenant, job, seq, text in rows.iterator(CHUNK):
            self._take(index, tenant, job, seq, text)
            while coming is not None and coming.size <= self.size:
                self._check(coming)
                coming = next(checkpoints, None)
        self._end(coming)

    def _take(self, index: int, tenant: str, job: Any, seq: int, text: str) -> None:
        if index != self.size:
            kind, which = ("missing_leaf", self.size) if index > self.size else ("extra_leaf", index)
            raise _Broken(kind, which, f"leaf {self.size} is expected, leaf {index} is there", LogLeaf)
        said = told(text)
        owner = (str(job or ""), "" if job else tenant, seq)
        if said is None or (said.job, said.tenant, said.seq) != owner:
            raise _Broken("leaf", index, f"leaf {index} does not say what its row says", LogLeaf)
        self._add(leaf_hash(text.encode("utf-8", "surrogatepass")))
        self.size += 1

    def _add(self, hash: bytes) -> None:
        level = 0
        self._fill(0, self.size, hash)
        while self.peaks and self.peaks[-1][0] == level:
            hash = node_hash(self.peaks.pop()[1], hash)
            level += 1
            if level % HEIGHT == 0:
                self._fill(level // HEIGHT, self.size >> level, hash)
        self.peaks.append((level, hash))

    def _fill(self, level: int, place: int, hash: bytes) -> None:
        tile = self.tiles.setdefault(level, bytearray())
        if place and place % WIDTH == 0:
            tile.clear()
        tile += hash
        if place % WIDTH == WIDTH - 1:
            self._compare(level, place // WIDTH)

    def _compare(self, level: int, number: int) -> None:
        stored = LogTile.objects.filter(level=level, number=number).values_list("hashes", flat=True).first()
        mine = bytes(self.tiles[level])
        if stored is None or bytes(stored) != mine:
            theirs = bytes(stored or b"")
            first = next(
                (at for at in range(0, len(mine), 32) if theirs[at : at + 32] != mine[at : at + 32]),
                len(mine),
            )
            index = (number * WIDTH + first // 32) << HEIGHT * level
            message = f"tile {number} of level {level} is not that of the leaves, from leaf {index} on"
            raise _Broken("tile", index, message, LogTile)

    def root(self) -> bytes:
        """The root over the leaves so far."""
        if not self.peaks:
            return EMPTY
        found = self.peaks[-1][1]
        for _, peak in reversed(self.peaks[:-1]):
            found = node_hash(peak, found)
        return found

    def _check(self, row: Checkpoint) -> None:
        def broken(kind: str, why: str) -> _Broken:
            return _Broken(kind, row.size, f"the checkpoint of {row.size} leaves: {why}", Checkpoint)

        try:
            head = read_checkpoint(row.text)
        except BadNote as error:
            raise broken("checkpoint", str(error)) from error
        told = (head.origin, head.size, head.root.hex())
        if told != (row.origin, row.size, row.root) or row.size < 1:
            raise broken("checkpoint", "its text does not say what its row says")
        try:
            signers = head.signers(self.known)
        except BadNote as error:
            raise broken("signature", str(error)) from error
        if not any(each.name == head.origin for each in signers):
            keys = ", ".join(f"{each.name}+{each.id.hex()}" for each in head.note.signatures)
            raise broken("unknown_key", f"it is signed by {keys}, which is none of the known keys; a retired key "
                         "belongs into AETHERIS['LOG_KEYS']")  # fmt: skip
        if row.key not in {each.id.hex() for each in signers}:
            raise broken("checkpoint", "it is not signed by the key that its row names")
        if head.root != self.root():
            raise broken(
                "root", "its root is not that of the leaves: leaves were changed, or it is another log's"
            )
        self.heads, self.signed = self.heads + 1, row.size

    def _end(self, coming: Checkpoint | None) -> None:
        if coming is not None:
            message = f"a checkpoint speaks of {coming.size} leaves, {self.size} are there"
            raise _Broken("missing_leaf", self.size, message, LogLeaf)
        state = LogState.objects.filter(id=1).values_list("size", flat=True).first() or 0
        if state != self.size:
            kind = "missing_leaf" if state > self.size else "extra_leaf"
            raise _Broken(
                kind,
                min(state, self.size),
                f"the log should have {state} leaves, and has {self.size}",
                LogLeaf,
            )
        for level, tile in self.tiles.items():
            count = self.size >> HEIGHT * level
            if tile and count % WIDTH:
                self._compare(level, count // WIDTH)
        self._no_more_tiles()

    def _no_more_tiles(self) -> None:
        for level, number in self._beyond():
            index = number * WIDTH << HEIGHT * level
            raise _Broken("tile", index, f"tile {number} of level {level} belongs to no leaf", LogTile)

    def _beyond(self) -> Iterator[tuple[int, int]]:
        rows = LogTile.objects.order_by("level", "number")
        for level in set(rows.order_by().values_list("level", flat=True).distinct()):
            count = self.size >> HEIGHT * max(level, 0) if level >= 0 else 0
            beyond = rows.filter(level=level, number__gte=-(-count // WIDTH))
            yield from beyond.values_list("level", "number")[:1]
