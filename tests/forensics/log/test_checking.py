"""Verifying the log: whatever was changed in it is named with its place; an untouched one always verifies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from forensics import log
from forensics.log import keyring
from forensics.log.leaves import told
from forensics.models import Checkpoint, LogLeaf, LogState, LogTile
from forensics.notes import Key, checkpoint_text, sign
from jobs import keys
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import HEAD, LEAF, TILE, logged, made_anew, unguarded
from tests.forensics.package.packing import Stranger

pytestmark = pytest.mark.usefixtures("here")


def test_an_untouched_log_verifies() -> None:
    logged(a_tenant())
    found = log.verify_log()
    assert found.broken is None
    assert (found.leaves, found.unsigned) == (LogState.objects.get().size, 0)
    latest = log.latest()
    assert latest is not None
    assert (found.root, found.checkpoints) == (latest.root, Checkpoint.objects.count())


def _last() -> LogLeaf:
    return LogLeaf.objects.order_by("-index")[0]


def _leaf_text() -> tuple[str, int, str]:
    leaf = _last()
    LogLeaf.objects.filter(index=leaf.index).update(
        text=leaf.text.replace("\n" + leaf.text[-65:], "\n" + "0" * 64 + "\n")
    )
    return ("root", LogState.objects.get().size, HEAD)


def _leaf_column() -> tuple[str, int, str]:
    leaf = _last()
    LogLeaf.objects.filter(index=leaf.index).update(seq=leaf.seq + 1)
    return ("leaf", leaf.index, LEAF)


def _leaf_form() -> tuple[str, int, str]:
    leaf = _last()
    LogLeaf.objects.filter(index=leaf.index).update(text="nothing\n")
    return ("leaf", leaf.index, LEAF)


def _leaf_gone() -> tuple[str, int, str]:
    LogLeaf.objects.filter(index=1).delete()
    return ("missing_leaf", 1, LEAF)


def _last_leaf_gone() -> tuple[str, int, str]:
    index = _last().index
    LogLeaf.objects.filter(index=index).delete()
    return ("missing_leaf", index, LEAF)


def _leaf_more() -> tuple[str, int, str]:
    leaf = _last()
    said = told(leaf.text)
    assert said is not None
    text = leaf.text.replace(f"\n{leaf.seq}\n", f"\n{leaf.seq + 1}\n")
    LogLeaf.objects.create(
        index=leaf.index + 1, tenant=leaf.tenant, job_id=leaf.job_id, seq=leaf.seq + 1, text=text
    )
    return ("extra_leaf", leaf.index + 1, LEAF)


def _tile() -> tuple[str, int, str]:
    tile = LogTile.objects.filter(level=0).order_by("-number")[0]
    LogTile.objects.filter(pk=tile.pk).update(hashes=bytes(tile.hashes)[:-32] + bytes(32))
    return ("tile", _last().index, TILE)


def _tile_gone() -> tuple[str, int, str]:
    tile = LogTile.objects.filter(level=0).order_by("-number")[0]
    tile.delete()
    return ("tile", tile.number * 256, TILE)


def _tile_more() -> tuple[str, int, str]:
    LogTile.objects.create(level=7, number=0, hashes=bytes(32))
    return ("tile", 0, TILE)


def _checkpoint(**columns: object) -> Callable[[], tuple[str, int, str]]:
    def change() -> tuple[str, int, str]:
        size = Checkpoint.objects.order_by("-size")[0].size
        Checkpoint.objects.filter(size=size).update(**columns)
        return ("checkpoint", size, HEAD)

    return change


def _signature() -> tuple[str, int, str]:
    row = Checkpoint.objects.order_by("-size")[0]
    text = row.text.splitlines()
    other = sign(
        checkpoint_text(row.origin, row.size + 1, bytes.fromhex(row.root)), [keys.signer()]
    ).splitlines()
    Checkpoint.objects.filter(size=row.size).update(text="\n".join([*text[:-1], other[-1]]) + "\n")
    return ("signature", row.size, HEAD)


def _stranger() -> tuple[str, int, str]:
    row = Checkpoint.objects.order_by("-size")[0]
    text = sign(checkpoint_text(row.origin, row.size, bytes.fromhex(row.root)), [Stranger()])
    Checkpoint.objects.filter(size=row.size).update(text=text)
    return ("unknown_key", row.size, HEAD)


def _another_root() -> tuple[str, int, str]:
    row = Checkpoint.objects.order_by("-size")[0]
    text = sign(checkpoint_text(row.origin, row.size, bytes(32)), [keys.signer()])
    Checkpoint.objects.filter(size=row.size).update(text=text, root="0" * 64)
    return ("root", row.size, HEAD)


def _checkpoint_ahead() -> tuple[str, int, str]:
    size = LogState.objects.get().size
    Checkpoint.objects.filter(size=size).update(size=size + 5)
    return ("missing_leaf", size, LEAF)


CHANGES = {
    "the hash in a leaf": _leaf_text, "a column of a leaf": _leaf_column, "the form of a leaf": _leaf_form,
    "a leaf taken out": _leaf_gone, "the last leaf taken off": _last_leaf_gone, "a leaf put behind": _leaf_more,
    "a hash in a tile": _tile, "a tile taken out": _tile_gone, "a tile put in": _tile_more,
    "the root in a checkpoint's row": _checkpoint(root="0" * 64), "its text": _checkpoint(text="x"),
    "its origin": _checkpoint(origin="elsewhere.org"), "its key": _checkpoint(key="00000000"),
    "its signature": _signature, "a stranger's signature": _stranger, "another root, signed with our key": _another_root,
    "a checkpoint over more leaves than there are": _checkpoint_ahead,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_log_is_found_with_its_place(change: Callable[[], tuple[str, int, str]]) -> None:
    logged(a_tenant(), 2)
    with unguarded():
        expected = change()
        broken = log.verify_log().broken
        assert broken is not None
        assert (broken.kind, broken.place, broken.table) == expected, broken.message


def test_a_log_that_its_owner_made_anew_agrees_with_itself() -> None:
    logged(a_tenant(), 2)
    with unguarded():
        leaf, before = _last(), log.latest()
        made_anew({leaf.index: leaf.text[:-65] + "0" * 64 + "\n"})
        assert log.verify_log().broken is None, "nothing inside can show it"
        after = log.latest()
        assert before is not None
        assert after is not None
        assert (before.size, before.root != after.root) == (after.size, True)


def test_only_keys_that_are_pinned_and_the_one_that_signs_now_are_believed(settings: Any) -> None:
    logged(a_tenant(), 1)
    stranger = Key(Stranger().name, Stranger().public)
    settings.AETHERIS = {**settings.AETHERIS, "LOG_KEYS": [str(stranger)]}
    assert keyring.known() == [keyring.signing(), stranger]
    broken = log.verify_log([stranger]).broken
    assert broken is not None
    assert broken.kind == "unknown_key"
