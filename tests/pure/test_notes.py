"""Signed notes and checkpoints: the examples of C2SP and of Go's reference implementation, and what is refused."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from forensics import notes
from forensics.notes import BadNote, Key, checkpoint_text, read_checkpoint, read_key, read_note, sign

# golang.org/x/mod/sumdb/note, note_test.go.
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
# c2sp.org/signed-note: the note at its head, and the key of its section on verifier keys.
QUASIMODO = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u00e8 subito sera.\n\n"
    "\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
FOO = ("example.com/foo", "e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4", "530d903a")
# c2sp.org/tlog-checkpoint, and c2sp.org/tlog-witness with two signatures of one log.
SOFA = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SOFA_LINES = (
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n"
)


@dataclass
class Pen:
    """Signs with a key from a seed."""

    name: str
    seed: bytes = b"\x01" * 32

    @property
    def public(self) -> bytes:
        """Its public bytes."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()

    @property
    def key(self) -> Key:
        """Its public key."""
        return Key(self.name, self.public)

    def sign(self, message: bytes) -> bytes:
        """A signature."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)


def test_the_note_of_the_reference_implementation_is_read_and_written_byte_for_byte() -> None:
    peter = Pen("PeterNeumann", b64decode(PETERS_SECRET)[1:])
    assert str(peter.key) == PETER
    assert sign(TEXT, [peter]) == f"{TEXT}\n{LINE}"
    note = read_note(f"{TEXT}\n{LINE}")
    assert (note.text, note.signers([read_key(PETER)])) == (TEXT, [peter.key])
    assert str(note) == f"{TEXT}\n{LINE}"


def test_the_examples_of_c2sp_are_read() -> None:
    note = read_note(QUASIMODO)
    assert note.text.count("\n\n") == 1, "the last empty line parts the text from the signatures"
    assert [(each.name, each.id.hex()) for each in note.signatures] == [
        ("quasimodo.example/salvatore", "367ba04b")
    ]
    assert str(note) == QUASIMODO
    name, public, id = FOO
    assert Key(name, bytes.fromhex(public)).id.hex() == id
    assert read_key(str(Key(name, bytes.fromhex(public)))) == Key(name, bytes.fromhex(public))


def test_the_checkpoint_of_c2sp_is_read_and_its_two_signatures_are_two() -> None:
    head = read_checkpoint(f"{SOFA}\n{SOFA_LINES}")
    assert (head.origin, head.size, head.root.hex()[:8]) == (
        "example.com/behind-the-sofa",
        20852163,
        "0ac5186a",
    )
    assert [each.id.hex() for each in head.note.signatures] == ["033de0ae", "a292ea05"]
    assert checkpoint_text(head.origin, head.size, head.root) == SOFA
    assert str(head) == f"{SOFA}\n{SOFA_LINES}"
    assert head.signers([read_key(PETER)]) == [], "keys that are not known are ignored"


def test_signatures_of_strangers_are_ignored_and_every_known_signer_is_told() -> None:
    ours, retired, witness = (
        Pen("example.com/log"),
        Pen("example.com/log", b"\x02" * 32),
        Pen("w.example/1", b"\x03" * 32),
    )
    head = read_checkpoint(sign(checkpoint_text("example.com/log", 3, bytes(32)), [ours, witness, retired]))
    assert head.signers([ours.key]) == [ours.key]
    assert head.signers([retired.key, ours.key]) == [ours.key, retired.key]
    assert head.signers([Pen("example.com/log", b"\x04" * 32).key, Pen("other.example/log").key]) == []


def test_a_note_that_bears_a_known_keys_name_on_another_signature_is_refused() -> None:
    ours = Pen("example.com/log")
    note = read_note(sign("one\n", [ours]))
    forged = read_note(str(note).replace("one", "two"))
    with pytest.raises(BadNote, match="is not of this text"):
        forged.signers([ours.key])
    assert forged.signers([Pen("example.com/log", b"\x02" * 32).key]) == []


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "one\n", "one\n\n", f"one\n{LINE}", f"one\n\n{LINE[:-1]}", f"one\n\n{LINE}x", f"one\n\n{LINE[2:]}",
        f"one\n\n{LINE.replace('PeterNeumann', 'Peter+Neumann')}", f"one\n\n{LINE.replace('PeterNeumann', '')}",
        f"one\n\n{LINE.replace('=', '')}", f"one\n\n{LINE.replace(' x08', '  x08')}", "one\n\n\u2014 a AAAA\n",
        f"o\tne\n\n{LINE}", f"one\r\n\n{LINE}", "one\n\n" + LINE * 101, f"one\n\n{LINE.replace(chr(0x2014), '-')}",
    ],
)  # fmt: skip
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        read_note(text)


@pytest.mark.parametrize(
    "text", [SOFA.replace("20852163", "020852163"), SOFA.replace("20852163", "-1"), SOFA.replace("=", "", 1),
             "a\n1\n", "\n1\n" + SOFA.split("\n")[2] + "\n", SOFA.replace("CsUYapGG", ""), SOFA + "\n" + "x\n"]
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        read_checkpoint(f"{text}\n{SOFA_LINES}")


def test_every_part_of_a_key_counts() -> None:
    for place in range(len(PETER)):
        with pytest.raises(BadNote):
            read_key(PETER[:place] + chr(ord(PETER[place]) + 1) + PETER[place + 1 :])
        with pytest.raises(BadNote):
            read_key(PETER[:place])
    for key in ("PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
                "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"):  # fmt: skip
        with pytest.raises(BadNote):
            read_key(key)


@given(lines=st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"])), min_size=1, max_size=5))
def test_any_text_that_is_signed_is_read_back_as_it_was(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    pens = [Pen("a.example/x"), Pen("b.example/y", b"\x02" * 32)]
    note = read_note(sign(text, pens))
    assert note.text == text
    assert note.signers([each.key for each in pens]) == [each.key for each in pens]


@pytest.mark.parametrize("text", ["", "one", "a\x00b\n", "a\tb\n"])
def test_what_cannot_be_the_text_of_a_note_is_not_signed(text: str) -> None:
    with pytest.raises(BadNote, match="the text of a note"):
        sign(text, [Pen("a.example/x")])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb"])
def test_a_name_that_no_key_may_have_signs_nothing(name: str) -> None:
    with pytest.raises(BadNote, match="no name of a key"):
        notes.sign("one\n", [Pen(name)])
