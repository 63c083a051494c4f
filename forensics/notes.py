"""Signed notes and checkpoints of logs (C2SP signed-note, tlog-checkpoint), with Ed25519 keys. Pure.

How a checkpoint is read and how a key is written stand in `standalone`, because the lone verifier needs them too.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from . import standalone

MOST_SIGNATURES = 100
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME = re.compile(r"[^\s+]+")
DASH = "\u2014"


class BadNote(ValueError):
    """A text that is no signed note, or one that a known key did not sign though it says so."""


class Signs(Protocol):
    """Whatever signs with one Ed25519 key."""

    @property
    def name(self) -> str: ...
    @property
    def public(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True)
class Key:
    """A public key and the name that it signs under."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a note names it."""
        return standalone.key_id(self.name, self.public)

    def __str__(self) -> str:
        """The key as one line: name, id in hex, and base64."""
        return standalone.vkey_of(self.name, self.public)


@dataclass(frozen=True)
class Signature:
    """One signature line."""

    name: str
    id: bytes
    data: bytes

    def __str__(self) -> str:
        return f"{DASH} {self.name} {b64encode(self.id + self.data).decode()}"


@dataclass(frozen=True)
class Note:
    """A text, its last line ended, and the signatures under it; none of them has been checked."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n" + "".join(f"{each}\n" for each in self.signatures)

    def signers(self, known: Iterable[Key]) -> list[Key]:
        """Who of the known keys signed it; signatures of others are ignored.

        Raises:
            BadNote: it bears a known key's name and id on a signature that is not that key's.
        """
        keys = {(each.name, each.id): each for each in known}
        found: list[Key] = []
        for each in self.signatures:
            key = keys.get((each.name, each.id))
            if key is None or key in found:
                continue
            if not standalone.signed_by(key.public, self.text.encode(), each.data):
                raise BadNote(f"the signature of {key} is not of this text")
            found.append(key)
        return found


def read_key(text: str) -> Key:
    """A public key that is written as one line.

    Raises:
        BadNote: it is none, or of another kind.
    """
    try:
        return Key(*standalone.read_vkey(text.strip()))
    except (ValueError, UnicodeError) as error:
        raise BadNote(f"{text.strip()[:80]!r} is no public key: {error}") from error


def named(name: str) -> str:
    """A name that a key may have.

    Raises:
        BadNote: it is empty, or holds a space or a plus.
    """
    if not _NAME.fullmatch(name) or _CONTROL.search(name):
        raise BadNote(f"{name!r} is no name of a key: no spaces and no plus, such as example.com/log")
    return name


def read_note(text: str) -> Note:
    """A note taken apart; its signatures are yet to be checked.

    Raises:
        BadNote: it has not the form of one.
    """
    if _CONTROL.search(text):
        raise BadNote("a note holds no control characters")
    body, gap, tail = text.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() != "" or not lines:
        raise BadNote("a note is a text, an empty line, and lines of signatures, the last one ended")
    if len(lines) > MOST_SIGNATURES:
        raise BadNote(f"more than {MOST_SIGNATURES} signatures")
    return Note(body + "\n", tuple(_signature(line) for line in lines))


def _signature(line: str) -> Signature:
    dash, _, rest = line.partition(" ")
    name, _, coded = rest.partition(" ")
    try:
        data = standalone.exact_base64(coded)
    except ValueError as error:
        raise BadNote(f"a signature line is not base64: {error}") from error
    if dash != DASH or len(data) < 5:
        raise BadNote("a signature line is a dash, a name, and base64 of a key id and a signature")
    return Signature(named(name), data[:4], data[4:])


def sign(text: str, signers: Sequence[Signs]) -> str:
    """A signed note.

    Args:
        text: what is signed; its last line must be ended.
        signers: who signs, each on a line.

    Raises:
        BadNote: the text cannot be that of a note.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise BadNote("the text of a note ends its last line and holds no control characters")
    made = []
    for each in signers:
        key = Key(named(each.name), each.public)
        made.append(Signature(key.name, key.id, each.sign(text.encode())))
    return str(Note(text, tuple(made)))


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """What is signed of a tree: the log's name, how many leaves, and their root."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"


@dataclass(frozen=True)
class Checkpoint:
    """A signed tree head; none of its signatures has been checked."""

    origin: str
    size: int
    root: bytes
    note: Note

    def __str__(self) -> str:
        return str(self.note)

    def signers(self, known: Iterable[Key]) -> list[Key]:
        """Who of the known keys signed it; likewise."""
        return self.note.signers(known)


def read_checkpoint(text: str) -> Checkpoint:
    """A checkpoint taken apart.

    Raises:
        BadNote: it has not the form of one.
    """
    note = read_note(text)
    try:
        head = standalone.read_checkpoint(text, "the checkpoint")
    except standalone.Broken as error:
        raise BadNote(str(error)) from error
    return Checkpoint(head.origin, head.size, head.root, note)


class Rewritten(Exception):
    """Two signed checkpoints that cannot be of one log that only grew."""


def against(kept: Checkpoint, now: Checkpoint, path: Sequence[bytes], known: Sequence[Key]) -> str:
    """Hold a checkpoint that somebody kept against one that the log shows now (RFC 9162, 2.1.4.2).

    Args:
        kept: the one that was kept.
        now: the log's.
        path: the consistency proof from the kept one's size to the log's.
        known: the keys that may have signed; they are told apart by their bytes, whatever name they sign under.

    Returns:
        What was found, in words.

    Raises:
        Rewritten: the log is not that of the kept checkpoint, grown.
        BadNote: one of them is signed by none of the keys.
    """
    for head, whose in ((kept, "the kept checkpoint"), (now, "the log's checkpoint")):
        if not head.signers([Key(head.origin, key.public) for key in known]):
            raise BadNote(f"{whose} of {head.size} leaves is signed by none of the keys")
    if kept.origin != now.origin:
        raise BadNote(f"the kept checkpoint is of the log {kept.origin}, not of {now.origin}")
    if kept.size > now.size:
        raise Rewritten(f"the log had {kept.size} leaves, and has {now.size}: leaves were taken out, or an old copy of the "
                        "database was put back")  # fmt: skip
    if kept.size == now.size and kept.root != now.root:
        raise Rewritten(f"two different trees of {now.size} leaves bear a signature: the log was rewritten")
    if not standalone.grew(kept.size, kept.root, now.size, now.root, list(path)):
        raise Rewritten(
            f"the tree of {now.size} leaves is not that of {kept.size}, grown: the log was rewritten"
        )
    same = kept.size == now.size
    return (
        f"the same tree of {now.size} leaves"
        if same
        else f"the tree of {now.size} leaves is that of {kept.size}, grown"
    )
