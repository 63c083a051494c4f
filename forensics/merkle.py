"""The Merkle tree of the log (RFC 9162, 2.1), grown and asked through stored tiles. Pure.

A tile holds up to 256 hashes that stand side by side on every eighth level of the tree, as in C2SP tlog-tiles: level 0
are hashes of leaves, and each hash of level n+1 is the root over one full tile of level n. A leaf touches one tile, and
one in 256 two; a proof reads a handful. A tile never changes but by growing, so trees of every earlier size can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256

from .standalone import grew, leaf_hash, node_hash, root_of

HEIGHT = 8
WIDTH = 1 << HEIGHT
HASH = 32
EMPTY = sha256().digest()  # the root of no leaves
Place = tuple[int, int]  # of a tile: its level, and its number from the left
Read = Callable[[Sequence[Place]], Mapping[Place, bytes]]

__all__ = [
    "EMPTY",
    "HEIGHT",
    "WIDTH",
    "Missing",
    "Place",
    "Read",
    "Tree",
    "grew",
    "included",
    "leaf_hash",
    "node_hash",
]


class Missing(LookupError):
    """A tile that the tree needs is not there, or too short."""


class Tree:
    """A tree over stored tiles.

    Args:
        read: gives the tiles that are there of those asked for.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._held: dict[Place, bytes] = {}

    def append(self, size: int, leaves: Sequence[bytes]) -> dict[Place, bytes]:
        """Put leaves behind the first `size`.

        Args:
            size: leaves that are there.
            leaves: hashes of the new ones.

        Returns:
            Every tile that is new or has grown, whole.
        """
        changed: dict[Place, bytes] = {}
        level, hashes = 0, list(leaves)
        while hashes:
            start = size >> HEIGHT * level
            for tile in self._filled(level, start, hashes):
                changed[tile] = self._held[tile]
            full = range(start >> HEIGHT, start + len(hashes) >> HEIGHT)
            hashes = [_root(_split(self._held[level, number])) for number in full]
            level += 1
        return changed

    def _filled(self, level: int, start: int, hashes: Sequence[bytes]) -> Iterator[Place]:
        """Put hashes behind the first `start` of a level."""
        number, there = divmod(start, WIDTH)
        held = self._tile((level, number), there) if there else b""
        taken = 0
        while taken < len(hashes):
            some = hashes[taken : taken + WIDTH - there]
            self._held[level, number] = held + b"".join(some)
            yield level, number
            taken, number, there, held = taken + len(some), number + 1, 0, b""

    def root(self, size: int) -> bytes:
        """The root over the first `size` leaves (RFC 9162, 2.1.1)."""
        return self._over(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The path from a leaf to the root over the first `size` leaves (RFC 9162, 2.1.3.1).

        Raises:
            ValueError: there is no such leaf among them.
        """
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is none of {size}")
        return self._hashes(list(_beside(index, 0, size)))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `second` leaves is that of `first`, grown (RFC 9162, 2.1.4.1).

        Raises:
            ValueError: the sizes are not in order, or the first is 0: of no leaves there is nothing to prove.
        """
        if not 0 < first <= second:
            raise ValueError(f"there is no proof from {first} leaves to {second}")
        return self._hashes(list(_growth(first, 0, second, True))) if first < second else []

    def _hashes(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self._fetch([_tile_of(*each) for start, end in ranges for each in _whole(start, end)])
        return [self._over(start, end) for start, end in ranges]

    def _over(self, start: int, end: int) -> bytes:
        """The root over a range of leaves that begins where a subtree of that size may begin."""
        parts = list(_whole(start, end))
        self._fetch([_tile_of(*each) for each in parts])
        found = self._subtree(*parts.pop())
        while parts:
            found = node_hash(self._subtree(*parts.pop()), found)
        return found

    def _subtree(self, level: int, number: int) -> bytes:
        """The root of a full subtree, from the hashes of the tile that holds it."""
        spread = 1 << level % HEIGHT
        first = number * spread % WIDTH
        return _root(_split(self._tile(_tile_of(level, number), first + spread))[first : first + spread])

    def _tile(self, place: Place, count: int) -> bytes:
        self._fetch([place])
        held = self._held.get(place, b"")
        if len(held) < count * HASH:
            level, number = place
            raise Missing(
                f"tile {number} of level {level} has {len(held) // HASH} hashes; {count} are needed"
            )
        return held[: count * HASH]

    def _fetch(self, places: Sequence[Place]) -> None:
        wanted = sorted({each for each in places if each not in self._held})
        if wanted:
            self._held.update(self._read(wanted))


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path leads from a leaf's hash to a root (RFC 9162, 2.1.3.2)."""
    return root_of(leaf, index, size, list(path)) == root


def _tile_of(level: int, number: int) -> Place:
    return level // HEIGHT, number << level % HEIGHT >> HEIGHT


def _split(tile: bytes) -> list[bytes]:
    return [tile[place : place + HASH] for place in range(0, len(tile), HASH)]


def _root(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(*hashes[place : place + 2]) for place in range(0, len(hashes), 2)]
    return hashes[0]


def _whole(start: int, end: int) -> Iterator[Place]:
    """The full subtrees that a range of leaves is made of, from the left: level and number of each."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _middle(start: int, end: int) -> int:
    """Where the tree over a range parts: the largest power of two below its size (RFC 9162, 2.1.1)."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _beside(index: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The ranges beside the way from the root to a leaf, the lowest first."""
    ranges = []
    while end - start > 1:
        middle = _middle(start, end)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return reversed(ranges)


def _growth(first: int, start: int, end: int, whole: bool) -> Iterator[tuple[int, int]]:
    """The ranges of a consistency proof, the lowest first; `whole`: the old root is known to whoever checks."""
    ranges = []
    while first != end:
        middle = _middle(start, end)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return reversed(ranges)
