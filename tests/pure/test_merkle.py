"""The tree of the log: vectors of Certificate Transparency, and the definitions of RFC 9162 held against stored tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics import merkle
from forensics.merkle import Missing, Place, Tree, grew, included, leaf_hash
from tests.forensics.package.trees import growth, path_to, tree

# The reference tree of certificate-transparency (merkletree tests), also in transparency-dev/merkle: leaves, then the
# root over each number of them, then proofs.
LEAVES = [
    bytes.fromhex(each)
    for each in [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A, B, C = ROOTS[4], "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", ROOTS[2]
D = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
E = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
F = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
G = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
H = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
I = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"  # noqa: E741
INCLUSION = [(0, 1, []), (0, 8, [G, B, D]), (5, 8, [E, F, A]), (2, 3, [C]), (1, 5, [ROOTS[1], B, E])]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [G, B, D]),
    (6, 8, [H, F, A]),
    (2, 5, [B, E]),
    (6, 7, [H, I, A]),
    (2, 8, [B, D]),
]


class Shelf:
    """Tiles as a database would keep them, and how many were read."""

    def __init__(self) -> None:
        self.tiles: dict[Place, bytes] = {}
        self.reads = 0

    def read(self, places: Sequence[Place]) -> Mapping[Place, bytes]:
        """Those that are there."""
        self.reads += len(places)
        return {each: self.tiles[each] for each in places if each in self.tiles}

    @property
    def tree(self) -> Tree:
        """A tree that remembers nothing."""
        return Tree(self.read)

    def grow(self, size: int, leaves: list[bytes]) -> dict[Place, bytes]:
        """Append, and keep what changed."""
        changed = self.tree.append(size, leaves)
        self.tiles.update(changed)
        return changed


def shelf_of(leaves: list[bytes], *steps: int) -> Shelf:
    shelf, size = Shelf(), 0
    for step in [*steps, len(leaves)]:
        end = min(len(leaves), size + step)
        shelf.grow(size, leaves[size:end])
        size = end
    return shelf


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def test_the_reference_roots_of_certificate_transparency() -> None:
    shelf = shelf_of([leaf_hash(each) for each in LEAVES], 3, 1)
    assert [shelf.tree.root(size).hex() for size in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_reference_inclusion_proofs(index: int, size: int, path: list[str]) -> None:
    shelf = shelf_of([leaf_hash(each) for each in LEAVES])
    found = shelf.tree.inclusion(index, size)
    assert [each.hex() for each in found] == path
    root = bytes.fromhex(ROOTS[size])
    assert included(leaf_hash(LEAVES[index]), index, size, found, root)
    assert not included(leaf_hash(b"another"), index, size, found, root)


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_the_reference_consistency_proofs(first: int, second: int, path: list[str]) -> None:
    shelf = shelf_of([leaf_hash(each) for each in LEAVES])
    found = shelf.tree.consistency(first, second)
    assert [each.hex() for each in found] == path
    old, new = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    assert grew(first, old, second, new, found)
    assert not grew(first, bytes(32), second, new, found)


SIZES = st.one_of(
    st.integers(1, 40), st.integers(250, 520), st.sampled_from([255, 256, 257, 511, 512, 513, 1024])
)


@given(size=SIZES, steps=st.lists(st.integers(1, 300), max_size=5), data=st.data())
@settings(max_examples=80, deadline=None)
def test_tiles_give_what_the_definitions_give_however_the_tree_has_grown(
    size: int, steps: list[int], data: st.DataObject
) -> None:
    leaves = numbered(size)
    shelf = shelf_of(leaves, *steps)
    second = data.draw(st.integers(1, size), "second")
    first = data.draw(st.integers(1, second), "first")
    index = data.draw(st.integers(0, second - 1), "index")
    then = leaves[:second]
    assert shelf.tree.root(second) == tree(then)
    assert shelf.tree.inclusion(index, second) == path_to(index, then)
    proof = shelf.tree.consistency(first, second)
    assert proof == growth(first, then)
    assert grew(first, tree(leaves[:first]), second, tree(then), proof)


def test_a_tree_of_three_levels_of_tiles_is_that_of_its_definition() -> None:
    leaves = numbered(2**16 + 300)
    shelf = shelf_of(leaves, 70, 40_000, 25_466)
    assert max(level for level, _ in shelf.tiles) == 2
    assert shelf.tree.root(len(leaves)) == tree(leaves)
    assert shelf.tree.root(2**16) == tree(leaves[: 2**16])
    assert shelf.tree.inclusion(2**16 + 7, len(leaves)) == path_to(2**16 + 7, leaves)
    assert shelf.tree.consistency(40_001, len(leaves)) == growth(40_001, leaves)


def test_a_leaf_or_a_proof_touches_a_handful_of_tiles_however_large_the_tree_is() -> None:
    leaves = numbered(2**16 + 256)
    shelf = shelf_of(leaves)
    shelf.reads = 0
    assert len(shelf.grow(len(leaves), numbered(1))) == 1
    assert shelf.reads <= 1
    asks: list[Callable[[Tree], object]] = [
        lambda tree: tree.root(len(leaves)),
        lambda tree: tree.inclusion(12_345, len(leaves)),
        lambda tree: tree.consistency(33_333, len(leaves)),
    ]
    for ask in asks:
        shelf.reads = 0
        ask(shelf.tree)
        assert shelf.reads <= 8


def test_a_tile_only_grows() -> None:
    leaves = numbered(700)
    shelf = shelf_of(leaves, 300)
    before = dict(shelf.tiles)
    shelf.grow(700, numbered(400))
    assert all(shelf.tiles[place].startswith(tile) for place, tile in before.items())


def test_a_tile_that_is_gone_or_cut_is_named() -> None:
    shelf = shelf_of(numbered(600))
    shelf.tiles[0, 1] = shelf.tiles[0, 1][:-32]
    assert shelf.tree.root(256)
    with pytest.raises(Missing, match="tile 1 of level 0 has 255 hashes; 256 are needed"):
        shelf.tree.inclusion(260, 600)
    del shelf.tiles[1, 0]
    with pytest.raises(Missing, match="tile 0 of level 1"):
        shelf.tree.root(600)


@pytest.mark.parametrize(("index", "size"), [(3, 3), (-1, 3), (0, 0)])
def test_no_path_leads_to_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="is none of"):
        shelf_of(numbered(3)).tree.inclusion(index, size)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (3, 2), (-1, 1)])
def test_no_proof_leads_backwards_or_from_nothing(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="there is no proof"):
        shelf_of(numbered(3)).tree.consistency(first, second)


@given(size=st.integers(1, 80), data=st.data())
def test_a_proof_with_one_hash_changed_left_out_or_added_proves_nothing(
    size: int, data: st.DataObject
) -> None:
    leaves = numbered(size)
    shelf = shelf_of(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = shelf.tree.inclusion(index, size)
    root = merkle.EMPTY if not size else shelf.tree.root(size)
    assert included(leaves[index], index, size, path, root)
    assert not included(leaves[index], index, size, [*path, bytes(32)], root)
    for place in range(len(path)):
        assert not included(leaves[index], index, size, path[:place] + path[place + 1 :], root)
        assert not included(leaves[index], index, size, [*path[:place], bytes(32), *path[place + 1 :]], root)
