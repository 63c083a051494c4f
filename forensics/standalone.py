#!/usr/bin/env python3
"""Verify an Aetheris evidence package with nothing but Python.

    python verify.py FILE.zip [--key PUB]... [--checkpoint FILE] [--consistency FILE] [--job ID] [--head SEQ:HASH] [--json]

This one file stands alone: it needs Python 3.11 or newer and no other file. A copy of it lies in every package, but a
distrustful reader uses a copy of their own: whoever forges a package can forge the program inside it.

It reads the package from its first byte to its last and trusts none of them. What it checks, in this order:

    form         every byte of the ZIP outside the files' contents has the one value that it may have
    files        the manifest names every file, and each has the size and the SHA-256 that it says
    chain        every event commits to its body and links to the one before; gap-free; one end, then only afterwords
    parts        every large part that stands outside its event is there, once, and is the one that was written
    ledger       the book's lines are those that the events tell, derived here a second time
    approvals    so are the questions to people, what they were shown, and their votes
    evidence     the evidence graph is the one that the events tell, derived here a second time
    envelope     the signature over the manifest (DSSE, in-toto Statement v1)
    log          the job's head is a leaf of the transparency log (RFC 9162), under a signed checkpoint (C2SP)
    kept         a checkpoint that you have kept is consistent with the package's
    expected     the job and the head are those that you expect

It ends with 0 if all of it holds, with 1 at a break, with 2 if it could not be used so or could not decide.

Without `--key` it says only that the package is intact, whoever made it: the signer is not pinned. With the package
`cryptography` installed, signatures are checked by it; without, by the code below (RFC 8032). Only the opening of
encrypted fields (`--open KEYFILE`) cannot be done without it.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NoReturn
from urllib.parse import quote

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    CRYPTOGRAPHY = True
except ImportError:  # everything but the opening of encrypted fields is done without it
    CRYPTOGRAPHY = False

FORMAT = 1
EVENTS, PARTS, LEDGER, APPROVALS = "events.jsonl", "blobs.jsonl", "ledger.jsonl", "approvals.jsonl"
EVIDENCE, CHECKPOINT, INCLUSION = "evidence.json", "checkpoint.txt", "inclusion.json"
MANIFEST, ENVELOPE = "manifest.json", "envelope.json"
FILES = (
    EVENTS, PARTS, LEDGER, APPROVALS, EVIDENCE, CHECKPOINT, INCLUSION, "README.txt", "verify.py", MANIFEST, ENVELOPE,
)  # fmt: skip
STORED = (MANIFEST, ENVELOPE)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT, PREDICATE = "https://in-toto.io/Statement/v1", "urn:aetheris:evidence-package:v1"
GENESIS = "0" * 64
TERMINALS = frozenset({"job_completed", "job_failed", "job_cancelled"})
AFTERWORDS = frozenset({"payload_erased", "world_confirmed", "world_diverged", "job_forked", "late_outcome"})
CHUNK = 1 << 16
LONGEST_LINE = 1 << 28
LARGEST_DOCUMENT = 1 << 29


# --- what is found ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Break:
    """One place where the package is not what was exported. `line` counts from 1; 0 and "" where there is none."""

    kind: str
    message: str
    file: str = ""
    line: int = 0
    seq: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "seq": self.seq,
        }

    def __str__(self) -> str:
        place = (
            self.file
            + (f", line {self.line}" if self.line else "")
            + (f", event {self.seq}" if self.seq else "")
        )
        return f"{self.kind} at {place}: {self.message}" if place else f"{self.kind}: {self.message}"


class Broken(Exception):
    """Raised at a break; the check that is under way has failed."""

    def __init__(self, kind: str, message: str, file: str = "", line: int = 0, seq: int = 0) -> None:
        super().__init__(message)
        self.found = Break(kind, message, file, line, seq)


class Undecided(Exception):
    """A question that cannot be answered with what was given."""


@dataclass(frozen=True)
class Check:
    """One named check: `pass`, `fail`, `undecided`, or `skipped` because what it needs has failed or was not given."""

    name: str
    status: str
    detail: str
    problem: Break | None = None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "status": self.status, "detail": self.detail,
                "problem": self.problem.to_json() if self.problem else None}  # fmt: skip


@dataclass
class Report:
    """The verdict on one package."""

    checks: list[Check] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(each.status in ("pass", "skipped") for each in self.checks)

    @property
    def code(self) -> int:
        """0: all of it holds. 1: a break. 2: something could not be decided."""
        return 1 if any(each.status == "fail" for each in self.checks) else 0 if self.ok else 2

    @property
    def problem(self) -> Break | None:
        """The first break; where a later check names the line inside the same file, that one."""
        found = [each.problem for each in self.checks if each.problem is not None]
        if not found or found[0].line:
            return found[0] if found else None
        return next((each for each in found if each.line and each.file == found[0].file), found[0])

    def to_json(self) -> dict[str, Any]:
        return {"ok": self.ok, **self.facts, "problem": self.problem.to_json() if self.problem else None,
                "checks": [each.to_json() for each in self.checks], "notes": self.notes}  # fmt: skip


# --- JSON in its one form --------------------------------------------------------------------------------------------


def canonical(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def pretty(value: Any) -> str:
    """The one indented text of a value, for files that people read."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def parsed(text: bytes, file: str, form: Callable[[Any], str], line: int = 0) -> Any:
    """The value of a text that must be in its one form, so that no byte of it is free."""
    try:
        value = json.loads(text.decode("ascii"))
        exact = form(value).encode("ascii") == text
    except (ValueError, RecursionError) as error:
        raise Broken("bad_form", f"this is no JSON of ours ({type(error).__name__})", file, line) from error
    if not exact:
        raise Broken("bad_form", "the JSON is not in its canonical form", file, line)
    return value


def members(value: Any, kinds: Mapping[str, Any], file: str, line: int = 0) -> dict[str, Any]:
    """An object with exactly these members, each of its type."""
    if not isinstance(value, dict) or set(value) != set(kinds):
        raise Broken("bad_form", f"an object with exactly {', '.join(sorted(kinds))} is expected", file, line)
    for name, kind in kinds.items():
        if not isinstance(value[name], kind) or isinstance(value[name], bool) and kind is int:
            raise Broken("bad_form", f"{name!r} is not of its type", file, line)
    return value


def sha256(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()


HEX = re.compile(r"[0-9a-f]{64}")


# --- the ZIP: one exact form -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Member:
    """A file of the package: where its bytes lie, and what its headers say of them."""

    name: str
    start: int
    crc: int
    packed: int
    size: int


@dataclass
class Seen:
    """What reading a file to its end has shown."""

    size: int = 0
    sha256: str = ""
    packed_sha256: str = ""


_COMMON = "HHHHHIIIHH"  # version needed, flags, method, time, date, crc, packed, size, name, extra
_END = struct.Struct("<IHHHHIIH")
END_SIZE = _END.size


def header_fields(name: str, crc: int, packed: int, size: int) -> tuple[int, ...]:
    """The fields that both headers of a file have; no time, no extra field, no comment, one value for each."""
    return (20, 0, 0 if name in STORED else 8, 0, 0x21, crc, packed, size, len(name), 0)


def local_header(name: str, crc: int, packed: int, size: int) -> bytes:
    """The header before a file's bytes (APPNOTE 4.3.7)."""
    return struct.pack("<I" + _COMMON, 0x04034B50, *header_fields(name, crc, packed, size)) + name.encode(
        "ascii"
    )


def central_header(name: str, crc: int, packed: int, size: int, offset: int) -> bytes:
    """The entry of a file in the central directory (APPNOTE 4.3.12)."""
    fields = header_fields(name, crc, packed, size)
    return struct.pack("<IH" + _COMMON + "HHHII", 0x02014B50, 20, *fields, 0, 0, 0, 0, offset) + name.encode(
        "ascii"
    )


def end_record(count: int, size: int, offset: int) -> bytes:
    """The last 22 bytes (APPNOTE 4.3.16)."""
    return _END.pack(0x06054B50, 0, 0, count, count, size, offset, 0)


class Package:
    """A package on disk, read without trusting it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.members: dict[str, Member] = {}
        self.seen: dict[str, Seen] = {}

    def check_form(self) -> None:
        """Every byte outside the contents has its one value; fills `members`."""
        self.file.seek(0, 2)
        whole = self.file.tell()
        count = len(FILES)
        size = sum(len(central_header(name, 0, 0, 0, 0)) for name in FILES)
        directory = whole - size - END_SIZE
        if directory < 0:
            raise Broken("truncated", f"{whole} bytes are too few for a package")
        if self._at(whole - END_SIZE, END_SIZE) != end_record(count, size, directory):
            raise Broken("zip_form", f"the last {END_SIZE} bytes are not the end of a package of {count} files: bytes are "
                         "missing, added or changed", "end of the ZIP")  # fmt: skip
        place, offset = directory, 0
        for name in FILES:
            place, offset = self._member(name, place, offset, directory)
        if offset != directory:
            raise Broken("zip_form", f"bytes {offset} to {directory} belong to no file", "central directory")

    def _member(self, name: str, place: int, offset: int, limit: int) -> tuple[int, int]:
        entry = self._at(place, len(central_header(name, 0, 0, 0, 0)))
        crc, packed, size = struct.unpack_from("<III", entry, 16)
        if entry != central_header(name, crc, packed, size, offset):
            raise Broken("zip_form", f"the central directory's entry at byte {place} is not that of the file {name} at "
                         f"byte {offset}", name)  # fmt: skip
        head = local_header(name, crc, packed, size)
        if self._at(offset, len(head)) != head:
            raise Broken("zip_form", f"the header at byte {offset} and the central directory's entry at byte {place} "
                         "disagree", name)  # fmt: skip
        start = offset + len(head)
        if start + packed > limit or name in STORED and packed != size:
            raise Broken("zip_form", f"the file at byte {offset} does not fit into the package", name)
        self.members[name] = Member(name, start, crc, packed, size)
        return place + len(entry), start + packed

    def _at(self, offset: int, size: int) -> bytes:
        self.file.seek(offset)
        return self.file.read(size)

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's content, piece by piece; at its end, `seen` says what went by."""
        member, seen = self.members[name], Seen()
        content, outside, crc = hashlib.sha256(), hashlib.sha256(), 0
        inflate = None if name in STORED else zlib.decompressobj(-15)
        try:
            for piece in self._inflated(member, inflate, outside):
                seen.size += len(piece)
                if seen.size > member.size:
                    raise Broken(
                        "changed_file", f"it is longer than the {member.size} bytes of its header", name
                    )
                content.update(piece)
                crc = zlib.crc32(piece, crc)
                yield piece
        except zlib.error as error:
            raise Broken("changed_file", "its compressed bytes are damaged", name) from error
        ended = inflate is None or inflate.eof and not inflate.unused_data
        if not ended or seen.size != member.size or crc != member.crc:
            raise Broken("changed_file", "its bytes are not those that its header speaks of", name)
        seen.sha256, seen.packed_sha256 = content.hexdigest(), outside.hexdigest()
        self.seen[name] = seen

    def _inflated(self, member: Member, inflate: Any, outside: Any) -> Iterator[bytes]:
        place, left = member.start, member.packed
        while left:
            packed = self._at(place, min(CHUNK, left))
            place, left = place + len(packed), left - len(packed)
            outside.update(packed)
            if inflate is None:
                yield packed
                continue
            while packed and not inflate.eof:
                piece = inflate.decompress(packed, CHUNK)
                packed = inflate.unconsumed_tail
                yield piece
            if inflate.eof and (left or packed or inflate.unused_data):
                raise zlib.error("bytes behind the end")
        if inflate is not None:
            yield inflate.flush()

    def whole(self, name: str) -> bytes:
        """A file that is read in one go."""
        if self.members[name].size > LARGEST_DOCUMENT:
            raise Broken("too_large", f"more than {LARGEST_DOCUMENT} bytes", name)
        return b"".join(self.chunks(name))

    def lines(self, name: str) -> Iterator[tuple[int, Any]]:
        """The lines of a file as values, each in its canonical form, numbered from 1."""
        rest: list[bytes] = []  # pieces of a line that goes on: put together once, however long it is
        size = number = 0
        for piece in self.chunks(name):
            first, *more = piece.split(b"\n")
            rest.append(first)
            size += len(first)
            if size > LONGEST_LINE:
                raise Broken("too_large", f"a line of more than {LONGEST_LINE} bytes", name, number + 1)
            if not more:
                continue
            for text in (b"".join(rest), *more[:-1]):
                number += 1
                yield number, parsed(text, name, canonical, number)
            rest, size = [more[-1]], len(more[-1])
        if size:
            raise Broken("bad_form", "the last line does not end", name, number + 1)


# --- Ed25519 (RFC 8032), keys, notes and trees -----------------------------------------------------------------------

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_Point = tuple[int, int, int, int]
_Y = 4 * pow(5, _P - 2, _P) % _P


def _x_of(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if (x * x - square) % _P or not x and sign:
        return None
    return x if x & 1 == sign else _P - x


def _sum(a: _Point, b: _Point) -> _Point:
    minus, plus = (a[1] - a[0]) * (b[1] - b[0]) % _P, (a[1] + a[0]) * (b[1] + b[0]) % _P
    third, double = 2 * a[3] * b[3] * _D % _P, 2 * a[2] * b[2] % _P
    e, f, g, h = plus - minus, double - third, double + third, plus + minus
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    found: _Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = _sum(found, point)
        point, factor = _sum(point, point), factor >> 1
    return found


def _point(text: bytes) -> _Point | None:
    number = int.from_bytes(text, "little")
    y = number & (2**255 - 1)
    x = _x_of(y, number >> 255) if y < _P else None
    return None if x is None else (x, y, 1, x * y % _P)


def plain_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032, 5.1.7, without any library: no secret is touched here, so time tells nothing."""
    key, scalar = _point(public), int.from_bytes(signature[32:], "little")
    if key is None or len(signature) != 64 or scalar >= _L:
        return False
    base = (_x_of(_Y, 0) or 0, _Y, 1, (_x_of(_Y, 0) or 0) * _Y % _P)
    told = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % _L
    minus = (_P - key[0], key[1], 1, _P - key[3])
    x, y, z, _ = _sum(_times(scalar, base), _times(told, minus))
    inverse = pow(z, _P - 2, _P)
    x, y = x * inverse % _P, y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little") == signature[:32]


def signed_by(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is that of this key."""
    if not CRYPTOGRAPHY:
        return plain_ed25519(public, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def exact_base64(text: str) -> bytes:
    """Standard base64 in its one form; ValueError for another."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not in its one form")
    return data


def key_id(name: str, public: bytes) -> bytes:
    """The four bytes by which a note names a key (C2SP signed-note, Ed25519)."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def vkey_of(name: str, public: bytes) -> str:
    """A public key as one line (C2SP signed-note): name, key id and key."""
    coded = base64.b64encode(b"\x01" + public).decode()
    return f"{name}+{key_id(name, public).hex()}+{coded}"


def read_vkey(text: str) -> tuple[str, bytes]:
    """Name and 32 bytes of a key that is written as one line; ValueError if it is none."""
    name, _, rest = text.partition("+")
    tag, _, coded = rest.partition("+")
    data = exact_base64(coded)
    if len(data) != 33 or data[0] != 1 or vkey_of(name, data[1:]) != text or not name:
        raise ValueError("that is no public key of a log: NAME+8 HEX DIGITS+BASE64")
    return name, data[1:]


def public_bytes(text: str) -> bytes:
    """The 32 bytes of a public key: one line (C2SP), or PEM (RFC 8410). ValueError for anything else."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if len(lines) == 1:
        return read_vkey(lines[0])[1]
    if lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        raise ValueError("a public key is one line NAME+ID+BASE64, or PEM that begins with BEGIN PUBLIC KEY")
    data = base64.b64decode("".join(lines[1:-1]), validate=True)
    if len(data) != 44 or data[:12] != bytes.fromhex("302a300506032b6570032100"):
        raise ValueError("that PEM holds no Ed25519 public key")
    return data[12:]


@dataclass(frozen=True)
class SignedHead:
    """A checkpoint (C2SP tlog-checkpoint): so many leaves, this root; and who signed it."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]
    text: bytes

    def signer(self, keys: list[bytes]) -> bytes | None:
        """The key among these that signed it."""
        for name, tag, signature in self.signatures:
            for key in keys:
                if name == self.origin and key_id(name, key) == tag and signed_by(key, self.text, signature):
                    return key
        return None


_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


def read_checkpoint(text: str, file: str) -> SignedHead:
    """A checkpoint in its exact form."""
    body, gap, tail = text.partition("\n\n")
    lines, signed = body.split("\n"), tail.split("\n")
    try:
        if not gap or len(lines) < 3 or signed.pop() != "" or not signed or not _NUMBER.fullmatch(lines[1]):
            raise ValueError("a line is missing")
        root = exact_base64(lines[2])
        found = [_signature(line) for line in signed]
    except ValueError as error:
        raise Broken("bad_form", f"this is no checkpoint: {error}", file) from error
    if len(root) != 32 or not lines[0] or not all(lines):
        raise Broken("bad_form", "this is no checkpoint: origin and root are not in their form", file)
    return SignedHead(lines[0], int(lines[1]), root, tuple(found), (body + "\n").encode())


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, coded = rest.partition(" ")
    data = exact_base64(coded)
    if dash != "\u2014" or not name or len(data) < 5:
        raise ValueError("a signature line has not its form")
    return name, data[:4], data[4:]


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that an inclusion proof leads to (RFC 9162, 2.1.3.2); None if it has not the right length."""
    if not 0 <= index < size:
        return None
    here, last, found = index, size - 1, leaf
    for each in path:
        if not last:
            return None
        if here & 1 or here == last:
            found = node_hash(each, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, each)
        here, last = here >> 1, last >> 1
    return found if not last else None


def grew(first: int, old: bytes, second: int, new: bytes, path: list[bytes]) -> bool:
    """Whether the tree of `second` leaves is that of `first` leaves, grown (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not path and old == new
    if not 0 < first < second or not path:
        return False
    steps = [old, *path] if first & (first - 1) == 0 else list(path)
    here, last = first - 1, second - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    before = after = steps[0]
    for each in steps[1:]:
        if not last:
            return False
        if here & 1 or here == last:
            before, after = node_hash(each, before), node_hash(each, after)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            after = node_hash(after, each)
        here, last = here >> 1, last >> 1
    return not last and before == old and after == new


LEAF = re.compile(r"aetheris\.head\.v1\n([0-9a-f-]{36})\n([1-9][0-9]{0,17})\n([0-9a-f]{64})\n")


def leaf_head(leaf: str) -> tuple[str, int, str]:
    """Job, number and hash of the head that a leaf of the log stands for."""
    found = LEAF.fullmatch(leaf)
    if found is None:
        raise Broken("bad_form", "the leaf is none of a job's head", INCLUSION)
    return found[1], int(found[2]), found[3]


def hashes(values: list[Any], file: str) -> list[bytes]:
    """A path of a proof: hashes in hex."""
    if not all(isinstance(each, str) and HEX.fullmatch(each) for each in values):
        raise Broken("bad_form", "the path is no list of SHA-256 in hex", file)
    return [bytes.fromhex(each) for each in values]


# --- what was withheld -----------------------------------------------------------------------------------------------

HOWS = ("hash", "mask", "remove", "encrypt")
_WORD = r"[a-z][a-z_]{0,39}"
_MARKS = {
    "hash": r" hash [0-9a-f]{64}",
    "mask": r" mask",
    "remove": r" remove",
    "encrypt": r" encrypt [A-Za-z0-9+/=]{38,}",
}
SEALED = re.compile(r"\[(" + _WORD + r") encrypt ([A-Za-z0-9+/=]{38,})\]")
_MISSING = object()


def at_pointer(value: Any, pointer: str) -> Any:
    """What stands at a JSON Pointer (RFC 6901) of a value, or `_MISSING`."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _NUMBER.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return _MISSING
    return value


def is_withheld(body: Any, path: str, how: str, what: str, parts: Callable[[str], Any]) -> bool:
    """Whether the place that the manifest names shows that something was withheld there, in that way.

    Args:
        body: of the event, as it stands in the package.
        path: JSON Pointer into it.
        how: hash, mask, remove or encrypt.
        what: `withheld` for a whole value; else the kind of data that was found inside a text.
        parts: gives the text of a part that stands outside bodies.
    """
    names = body.get("$blobs", [])
    first = path.split("/")[1].replace("~1", "/").replace("~0", "~")
    if first in names:
        body = {first: parts(body[first]["sha256"])}
    value = at_pointer(body, path)
    if what == "withheld" and how == "remove":
        return value is _MISSING or value is None
    mark = re.compile(r"\[" + re.escape(what) + _MARKS[how] + r"\]")
    if what == "withheld":
        return isinstance(value, str) and mark.fullmatch(value) is not None
    return (
        mark.search(path.replace("~1", "/")) is not None
        or isinstance(value, str)
        and mark.search(value) is not None
    )


def open_sealed(key: bytes, coded: str) -> Any:
    """The value behind an encrypted mark: AES-256-GCM, 12 bytes of nonce first. ValueError with another key."""
    if not CRYPTOGRAPHY:
        raise Undecided(
            "opening encrypted fields needs the package `cryptography`: python -m pip install cryptography"
        )
    data = exact_base64(coded)
    try:
        return json.loads(AESGCM(key).decrypt(data[:12], data[12:], b"aetheris.withheld.v1"))
    except InvalidTag as error:
        raise ValueError("this key does not open it") from error


# --- events ----------------------------------------------------------------------------------------------------------

AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TYPE = re.compile(_WORD)
NODE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,119}(/[A-Za-z0-9_.-]{1,127})*)?")
SALT = re.compile(r"[0-9a-f]{32}")
_TEXT = {
    "job": re.compile(r"[0-9a-f-]{36}"),
    "type": TYPE,
    "node": NODE,
    "at": AT,
    "digest": HEX,
    "prev": HEX,
    "hash": HEX,
}
_EVENT = {"job", "seq", "type", "node", "at", "body", "raw", "salt", "digest", "prev", "hash"}


def link(event: dict[str, Any]) -> str:
    """The hash of an event: it binds its place, its moment, its body's digest and everything before it."""
    names = ("job", "seq", "type", "node", "at", "digest", "prev")
    fields = ["aetheris.event.v1", *(str(event[name]) for name in names)]
    return sha256(("\n".join(fields) + "\n").encode("ascii"))


class Chain:
    """A walk along the events; what later checks need of them is kept as numbers and digests, never as bodies."""

    def __init__(
        self, job: str, withheld: dict[int, list[tuple[str, str, str]]], broken: Callable[..., NoReturn],
        part: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self.job, self.withheld, self.broken, self.part = job, withheld, broken, part
        self.count, self.last = 0, GENESIS
        self.hashes = bytearray()
        self.first: dict[str, Any] | None = None
        self.ended: str | None = None
        self.erased: dict[int, str] = {}  # number and digest of each event whose body is gone
        self.left: dict[int, Line] = {}  # and what a later event says of it: its body without content
        self.erasures: list[Line] = []
        self.redacted = 0
        self.parts: dict[str, int] = {}

    def hash_of(self, seq: int) -> str:
        """The hash of an event that has gone by."""
        return self.hashes[32 * (seq - 1) : 32 * seq].hex()

    def take(self, event: Any) -> dict[str, Any]:
        """Check one more event, and note it."""
        seq = self.count + 1
        self._form(event, seq)
        if event["job"] != self.job:
            self.broken(
                "foreign_event", f"it belongs to job {event['job']}, the package is of job {self.job}"
            )
        if event["seq"] != seq:
            kind = "missing" if event["seq"] > seq else "extra"
            self.broken(kind, f"event {seq} is expected, event {event['seq']} is there")
        self._body(event, seq)
        if event["prev"] != self.last:
            self.broken("changed_header", f"it does not link to event {self.count}")
        if link(event) != event["hash"]:
            self.broken("changed_header", "type, node, time, digest or link were changed")
        self._order(event)
        self._note(event, seq)
        self.count, self.last = seq, event["hash"]
        self.hashes += bytes.fromhex(self.last)
        return dict(event)

    def _form(self, event: Any, seq: int) -> None:
        if not isinstance(event, dict) or set(event) != _EVENT or type(event["seq"]) is not int:
            self.broken("bad_form", f"an event with exactly {', '.join(sorted(_EVENT))} is expected")
        for name, form in _TEXT.items():
            if not isinstance(event[name], str) or not form.fullmatch(event[name]):
                self.broken("bad_form", f"{name} has not its exact form")
        if event["salt"] is not None and not (
            isinstance(event["salt"], str) and SALT.fullmatch(event["salt"])
        ):
            self.broken("bad_form", "salt has not its exact form")
        if event["body"] is not None and not isinstance(event["body"], dict):
            self.broken("bad_form", "the body is no object")

    def _body(self, event: dict[str, Any], seq: int) -> None:
        body, raw, salt = event["body"], event["raw"], event["salt"]
        if (raw is None) != (salt is None) or raw is not None and not isinstance(raw, str):
            self.broken("changed_body", "stored text and salt are there together or not at all")
        if raw is not None:
            if seq in self.withheld:
                self.broken("changed_body", "the manifest says that something is withheld here; nothing is")
            if body is None or canonical(body) != raw:
                self.broken("changed_body", "the body is not what its stored text says")
            if sha256(bytes.fromhex(salt) + raw.encode("ascii")) != event["digest"]:
                self.broken("changed_body", "the body is not the one that its digest commits to")
        elif body is None:
            self.erased[seq] = event["digest"]
        elif seq not in self.withheld:
            self.broken(
                "changed_body",
                "the stored text is missing, and the manifest does not say that anything is withheld",
            )
        else:
            self.redacted += 1

    def _order(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if (kind == "job_created") != (self.count == 0):
            self.broken(
                "out_of_order", f"{kind} cannot stand here: job_created is the first event and no other"
            )
        if self.ended is not None and kind not in AFTERWORDS:
            self.broken("out_of_order", f"{kind} cannot follow the end of the job ({self.ended})")
        if kind in TERMINALS:
            self.ended = kind

    def _note(self, event: dict[str, Any], seq: int) -> None:
        body = event["body"]
        if body is None:
            return
        if seq == 1:
            self.first = body
        for name in body.get("$blobs", ()):
            self.parts.setdefault(body[name]["sha256"], seq)
        if event["type"] == "payload_erased":
            self._erased(body, seq)

    def _erased(self, body: dict[str, Any], seq: int) -> None:
        """An afterword: which events were erased, and what is left of each."""
        aside = body.get("$blobs", ())
        seqs, digests, legible = (
            self.part(body[name]["sha256"]) if name in aside else body[name]
            for name in ("seq", "digests", "legible")
        )
        for each, digest, left in zip(seqs, digests, legible, strict=True):
            if each >= seq or self.erased.get(each) != digest:
                self.broken(
                    "changed_body",
                    f"it says that event {each} was erased, which is there, or has another digest",
                )
            self.left[each] = {**left, "erased": True}
        self.erasures.append({"event": seq, "seq": seqs, "legal_basis": body.get("basis", "[withheld remove]"),
                              "reason": body["reason"], "by": body.get("actor", "[withheld remove]")})  # fmt: skip

    def end(self, head: dict[str, Any], ended: str | None) -> None:
        """Whether the walk ended where the manifest says."""
        if self.count < head["seq"]:
            self.broken("missing", f"the manifest says that the head is event {head['seq']}, the events end at {self.count}",
                        seq=self.count + 1)  # fmt: skip
        if self.count > head["seq"]:
            self.broken(
                "extra", f"the manifest says that the head is event {head['seq']}", seq=head["seq"] + 1
            )
        if self.last != head["hash"]:
            self.broken("forked_head", "the head is not the one that the manifest names", seq=self.count)
        if self.ended != ended:
            self.broken(
                "forked_head",
                f"the manifest says {ended or 'still open'}, the events say {self.ended or 'still open'}",
            )
        silent = set(self.erased) - set(self.left)
        if silent:
            self.broken(
                "changed_body", "its body is gone, and no event says that it was erased", seq=min(silent)
            )


# --- the book and the questions, derived a second time ----------------------------------------------------------------

Line = dict[str, Any]
RELEASES = frozenset({"not_landed", "not_sent", "failed", "no_answer", "abandoned", "absent"})
VERDICTS = {"landed": "landed", "absent": "absent", "fail": "given_up"}
HEAVY = ("args", "result", "error", "question", "shown", "releases", "form", "groups", "users")


def mark(value: Any) -> str:
    """What is kept of a value: the digest of its canonical text."""
    return sha256(canonical(value).encode("ascii"))


def part(body: dict[str, Any], name: str, shown_as: str = "") -> Line:
    """A member of a body as its mark; of one that stands outside, where it stands. Nothing where it was removed."""
    if name not in body:
        return {}
    return {shown_as or name: ("outside " if name in body.get("$blobs", ()) else "") + mark(body[name])}


def light(line: Any) -> Line:
    """A line of a file with marks for its heavy members, so that it can be compared."""
    found: Line = {name: value for name, value in line.items() if name not in HEAVY and name != "$blobs"}
    for name in HEAVY:
        found |= part(line, name)
    if line.get("$blobs") != (sorted({*HEAVY} & {*line} & {*line.get("$blobs", ())}) or None):
        found["$blobs"] = line["$blobs"]  # which no event tells
    if "votes" in line:
        found["votes"] = [mark(vote) for vote in line["votes"]]
    return found


def legible(question: Any) -> str:
    """A question as the table of approvals holds it: what a text column cannot take is a question mark there."""
    text = question if isinstance(question, str) else canonical(question)
    return text.replace("\x00", "?").encode("utf-8", "replace").decode("utf-8")


class Ledger:
    """The lines of the book as the events tell them, each kept as its text: a job may have very many."""

    def __init__(self) -> None:
        self.lines: dict[str, str] = {}
        self.spoken: dict[str, int] = {}
        self.commands: dict[str, str] = {}
        self.tenant = ""

    def take(self, event: dict[str, Any]) -> None:
        """Note what one event says of a call."""
        body = event["body"]
        if body is None:
            return
        if event["type"] == "job_created":
            self.tenant = body["tenant"]
        elif event["type"] == "command_emitted" and body["command"] != "map":
            self.commands[event["node"]] = canonical(
                {**part(body, "args"), "args_digest": self._digest(event)}
            )
        tell = self._TELLS.get(event["type"])
        if tell is not None:
            key = body["compensates" if event["type"] == "compensation_finished" else "invocation"]
            self.lines[key] = canonical(tell(self, event, body, self.line(key)))
            self.spoken[key] = event["seq"]

    def line(self, key: str) -> Line | None:
        """The line with an id, as far as it has been told."""
        found: Line | None = json.loads(self.lines[key]) if key in self.lines else None
        return found

    @staticmethod
    def _digest(event: dict[str, Any]) -> str:
        body = event["body"]
        if body.get("erased"):
            if body["digest"]:  # what was left of the arguments is withheld, and so is their digest
                return str(body["digest"])
            args = body["args"]
            gone = isinstance(args, dict) and args.get("erased") is True
            return str(args.get("sha256", "")) if gone else mark(args)
        if event["raw"] is None:  # the arguments may be withheld; their digest says so too
            return str(body["digest"])
        return str(body["args"]["sha256"]) if "args" in body.get("$blobs", ()) else mark(body["args"])

    def _line(self, event: dict[str, Any], promise: dict[str, Any]) -> Line:
        return {
            **json.loads(self.commands[event["node"]]),
            "id": event["body"]["invocation"], "tenant": self.tenant, "job": event["job"], "node": event["node"],
            "tool": promise["tool"], "version": promise["version"], "schema": promise["schema"], "effect": promise["effect"],
            "idempotency_key": promise["key"], "business_key": promise.get("business_key"),
        }  # fmt: skip

    def _promised(self, event: dict[str, Any], body: dict[str, Any], before: Line | None) -> Line:
        anew = {"state": "open", "attempt": body["attempt"], "fence": body["fence"], "holds": body["holds"],
                "deadline": body["deadline"], "promised_at": event["at"], "settled_at": None}  # fmt: skip
        if before is not None:
            return {name: value for name, value in before.items() if name != "error"} | anew
        return {**self._line(event, body), **anew, "probe": body["probe"], "recalled_from": None,
                "compensates": body.get("compensates")}  # fmt: skip

    def _finished(self, event: dict[str, Any], body: dict[str, Any], before: Line | None) -> Line:
        if body["status"] != "recalled":
            return self._settled(event, body, before, body["status"])
        source, at = body["recalled_from"], event["at"]
        error = {"error": before["error"]} if before and "error" in before else {}
        return {
            **self._line(event, {**source, "tool": body["tool"]}), "state": "recalled", "attempt": max(1, body["attempt"]),
            "fence": body["fence"], "holds": False, "probe": False, "deadline": at, "promised_at": at, "settled_at": at,
            "recalled_from": source["invocation"], "compensates": None, **part(body, "result"), **error,
        }  # fmt: skip

    def _unknown(self, event: dict[str, Any], body: dict[str, Any], before: Line | None) -> Line:
        reason = {"reason": body["reason"], "evidence": body.get("evidence", {})}
        return {**self._known(event, before), "state": "unknown", "settled_at": None, "error": mark(reason)}

    def _resolved(self, event: dict[str, Any], body: dict[str, Any], before: Line | None) -> Line:
        return self._settled(event, body, before, VERDICTS[body["verdict"]])

    def _settled(self, event: dict[str, Any], body: dict[str, Any], before: Line | None, status: str) -> Line:
        after = {**self._known(event, before), "state": status, "settled_at": event["at"]}
        after.pop("error", None)
        if "unstorable" in body:
            what = body["unstorable"]
            after["error"] = mark({"code": "result_unstorable", **what} if isinstance(what, dict) else what)
        if status in RELEASES:
            after["holds"] = False
        return {**after, **part(body, "error"), **part(body, "result")}

    def _compensated(self, event: dict[str, Any], body: dict[str, Any], before: Line | None) -> Line:
        return {**self._known(event, before), "state": "compensated"}

    def _known(self, event: dict[str, Any], before: Line | None) -> Line:
        if before is None:
            raise ValueError(
                f"event {event['seq']} settles call {event['node']}, which no event has promised"
            )
        return before

    _TELLS = {
        "tool_invocation_started": _promised,
        "tool_invocation_finished": _finished,
        "outcome_unknown": _unknown,
        "outcome_resolved": _resolved,
        "compensation_finished": _compensated,
    }


class Questions:
    """The approvals as the events tell them."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.spoken: dict[str, int] = {}
        self.by_path: dict[str, str] = {}
        self.escalates: dict[str, Line] = {}
        self.requester: Any = None
        self.tenant = ""

    def line(self, key: str) -> Line | None:
        """The question with an id, as far as it has been told."""
        return self.lines.get(key)

    def take(self, event: dict[str, Any]) -> None:
        """Note what one event says of a question."""
        body = event["body"]
        if body is None:
            return
        if event["type"] == "job_created":
            actor = body.get("actor")
            self.requester, self.tenant = actor.get("id") if isinstance(actor, dict) else None, body["tenant"]
        elif event["type"] == "approval_requested":
            self._asked(event, body)
        elif event["node"] in self.by_path and event["type"] in ("approval_decided", "wait_completed"):
            key = self.by_path[event["node"]]
            if event["type"] == "approval_decided":
                self._voted(event, body, key)
            else:
                self.lines[key]["deadline"] = None

    def _asked(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key = body["approval"]
        self.by_path[event["node"]], self.spoken[key] = key, event["seq"]
        self.escalates[key] = part(body, "escalate_to", "groups")
        self.lines[key] = {
            "id": key, "tenant": self.tenant, "job": event["job"], "node": event["node"], "state": "open",
            "digest": body["digest"], "quorum": body["quorum"], "four_eyes": body["four_eyes"],
            "requester": self.requester, "deadline": body["deadline"], "on_timeout": body["on_timeout"], "votes": [],
            "requested_at": event["at"], "decided_at": None,
        }  # fmt: skip
        for name in ("question", "shown", "releases", "form", "groups", "users"):
            self.lines[key] |= part(body, name)
        if "question" in body and "question" not in body.get("$blobs", ()):
            self.lines[key]["question"] = mark(legible(body["question"]))

    def _voted(self, event: dict[str, Any], body: dict[str, Any], key: str) -> None:
        line, self.spoken[key] = self.lines[key], event["seq"]
        line["votes"].append(mark(body))
        if body["effect"] == "escalated":
            line |= {"users": mark([]), "deadline": None, **self.escalates[key]}
        if body["effect"] == "withdrawn":
            line["deadline"] = None
        if body["effect"] in ("approved", "rejected", "withdrawn") and line["state"] == "open":
            line["state"] = body["effect"]
        if line["state"] != "open":
            line["decided_at"] = event["at"]


# --- the evidence graph ----------------------------------------------------------------------------------------------
#
# What led to what, as the events tell it. An edge goes from what came of something to what it came of, and says how that
# is known: `declared` by the plan, the tool, the model or a person; `order`: the code had been given this answer before it
# asked for that; `observed`: a long enough value of the one stands in the other. Nothing is taken from anybody's flag.

LLM = "aetheris.llm"
OBSERVED = 200_000  # values that are kept to be seen again
SPOTTED = 200  # values that are looked for in one result
_SPOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/#+-]{5,127}")
_HASHED = re.compile(r"\[[a-z_]+ hash [0-9a-f]{64}\]")
_MARKED = re.compile(r"\[" + _WORD + r" (mask|remove|encrypt|hash)\b")
_INERT = frozenset({"id", "kind", "after", "when", "gates", "retry", "timeout", "on_error"})
_CALLS = {"tool": "tool", "llm": "model_call", "compensation": "compensation"}

Named = tuple[str, str, str]  # how it is used, the step that is named, by what


def spots(value: Any) -> Iterator[str]:
    """Texts of a value that are long enough to be known again: ids, words with a digit, whole sentences, keyed hashes."""
    stack, left = [value], SPOTTED
    while stack and left:
        each = stack.pop()
        if isinstance(each, dict):
            stack.extend(each[name] for name in sorted(each, reverse=True))
        elif isinstance(each, list):
            stack.extend(reversed(each))
        elif isinstance(each, str) and len(each) >= 6:
            left -= 1
            yield from _spots_of(each)


def _spots_of(text: str) -> Iterator[str]:
    if _HASHED.fullmatch(text):
        yield text
    elif _MARKED.search(text):
        return
    else:
        if len(text) >= 12:
            yield text if len(text) <= 64 else sha256(text.encode("utf-8", "surrogatepass"))
        for word in _SPOT.findall(text[:CHUNK]):
            if word != text and any(each.isdigit() for each in word):
                yield word
        if len(text) < 12 and any(each.isdigit() for each in text) and _SPOT.fullmatch(text):
            yield text


def names_in(value: Any, place: str = "") -> Iterator[Named]:
    """The steps that an expression of a plan names, and where."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from names_in(each, f"{place}[{number}]")
        return
    if not isinstance(value, dict) or "$lit" in value or "$item" in value:
        return
    for mark, kind in (("$ref", "used"), ("$state", "condition"), ("$error", "used")):
        if mark in value:
            named = _list(value[mark])
            if named and _is_name(named[0]):  # else it is withheld
                yield kind, named[0], f"{place} = " + ".".join(map(str, named))
            return
    inner = value.get("args") if "$op" in value else value.get("$default")
    if inner is not None:
        for each in _list(inner):
            yield from names_in(each, place)
        return
    for name in sorted(value):
        yield from names_in(value[name], f"{place}.{name}" if place else name)


def names_of(node: dict[str, Any]) -> dict[tuple[str, str], str]:
    """What a step of a plan names: kind and step, with the places at which it does."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in sorted(set(node) - _INERT):
        for kind, step, via in names_in(node[name], "" if name == "args" else name):
            found.setdefault((kind, step), []).append(via)
    for _, step, via in names_in(node.get("when"), "when"):
        found.setdefault(("condition", step), []).append(via)
    for step in filter(_is_name, _list(node.get("after"))):
        found.setdefault(("after", step), [])
    for gate in map(_record, _list(node.get("gates"))):
        if _is_name(gate["branch"]):
            found.setdefault(("condition", gate["branch"]), []).append(f"branch {gate['side']}")
    return {key: "; ".join(sorted(set(places))[:8]) for key, places in found.items()}


class Nodes(Mapping[str, dict[str, Any]]):
    """What is known of each node, kept as its text: a job may have very many."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def __getitem__(self, key: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._texts[key])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def put(self, key: str, told: dict[str, Any]) -> None:
        """Keep what is known of a node now."""
        self._texts[sys.intern(key)] = canonical(told)


class Evidence:
    """Builds the graph in one walk along the events; holds ids, digests and short texts, never a body.

    `nodes`: by id, what they are. `edges`: by effect, cause and kind, how each is known, from which event, and by what.
    `wants`: parts that stand outside their events and that the graph needs; `give` them after the walk.
    """

    def __init__(self, part: Callable[[str], Any]) -> None:
        self._part = part
        self.nodes = Nodes()
        self.edges: dict[tuple[str, str, str], tuple[str, int, str]] = {}
        self.wants: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.job: dict[str, Any] = {}
        self.plan: dict[str, tuple[str, dict[tuple[str, str], str]]] = {}
        self.full = False
        self._output: dict[tuple[str, str], str] = {}
        self._seen: dict[str, str] = {}
        self._wishes: dict[tuple[str, str], str] = {}
        self._answered: dict[str, str] = {}
        self._calls: dict[str, str] = {}
        self._gone: dict[int, dict[str, Any]] = {}
        self._early: dict[str, Any] | None = None
        self._released: dict[str, tuple[str, str]] = {}
        self._delegated: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._code: dict[str, str] = {}
        self._told: dict[str, int] = {}
        self._informed: set[str] = set()
        self._ending = ""

    # what every event does

    def take(self, event: dict[str, Any]) -> None:
        """Note what one event says."""
        if event["body"] is None:
            self._gone[event["seq"]] = event
            return
        for name in event["body"].get("$blobs", ()):
            purpose = self._PARTS.get((event["type"], name))
            if purpose:
                self.wants.setdefault(event["body"][name]["sha256"], []).append(
                    (purpose, _without(event, name))
                )
        tell = self._TELLS.get(event["type"])
        if tell is not None:
            tell(self, event, _Told(event["body"]))

    def give(self, digest: str, value: Any) -> None:
        """A part that was wanted."""
        for purpose, event in self.wants.pop(digest, ()):
            self._GIVEN[purpose](self, event, value)

    def _node(self, key: str, kind: str, event: dict[str, Any], /, **more: Any) -> None:
        """Note what an event says of a node; `become` is a kind that is known better now."""
        told = (
            self.nodes[key] if key in self.nodes else {"kind": kind, "seq": event["seq"], "at": event["at"]}
        )
        told["kind"] = more.pop("become", told["kind"])
        newer = event["seq"] >= self._told.get(key, 0)
        known = {name: value for name, value in more.items() if value is not None}
        told = {**told, **known} if newer else {**known, **told}
        self._told[sys.intern(key)] = max(event["seq"], self._told.get(key, 0))
        if event.get("erased"):
            told["erased"] = True
        elif event["raw"] is None:
            told["withheld"] = True
        if "copied" in event["body"] and "copied" not in told and self.job.get("from"):
            told["copied"] = event["body"]["copied"]
            self._edge(key, self.job["from"], "copied", event, via=f"event {told['copied']}")
        self.nodes.put(key, told)

    def _edge(
        self, effect: str, cause: str, kind: str, event: dict[str, Any], how: str = "declared", via: str = ""
    ) -> None:
        if effect != cause:
            self.edges.setdefault((sys.intern(effect), sys.intern(cause), kind), (how, event["seq"], via))

    def _person(self, actor: Any, event: dict[str, Any]) -> str | None:
        """The node of a person, or of another program; the runtime itself is nobody."""
        told = actor if isinstance(actor, dict) else {}
        if actor is None or told.get("kind") == "system":
            return None
        who, kind = told.get("id"), _word(told.get("kind"))
        key = f"person/{kind or 'user'}/{who}" if _is_name(who) else f"person/withheld/{event['seq']}"
        self._thing(key, "person", event, name=_word(told.get("name")))
        return key

    def _thing(self, key: str, kind: str, event: dict[str, Any], /, **more: Any) -> None:
        """Somebody or something that an event names, noted where it is named for the first time."""
        if key not in self.nodes:
            told = {name: value for name, value in more.items() if value is not None}
            self.nodes.put(key, {"kind": kind, "seq": event["seq"], "at": event["at"], **told})

    def _by(self, effect: str, actor: Any, kind: str, event: dict[str, Any]) -> None:
        told = _record(actor)
        if told["kind"] == "job":  # a tool did it for its job, and named its step
            self._sent_by(effect, {"job": told["id"], "node": told["name"]}, event, kind)
            return
        person = self._person(actor, event)
        if person is not None:
            self._edge(effect, person, kind, event)

    def _produced(self, key: str, value: Any) -> None:
        """Remember what stood in an answer for the first time."""
        for text in spots(value):
            if len(self._seen) >= OBSERVED:
                self.full = True
                return
            self._seen.setdefault(text, key)

    def _consumed(self, key: str, value: Any, event: dict[str, Any]) -> None:
        for text in spots(value):
            source = self._seen.get(text)
            if source is not None and source != key:
                self._edge(key, source, "value", event, "observed", text[:64])

    def _digest(self, event: dict[str, Any], name: str) -> str | None:
        """The digest of a member; None where something may be withheld or erased."""
        if event["raw"] is None or name not in event["body"]:
            return None
        body = event["body"]
        return str(body[name]["sha256"]) if name in body.get("$blobs", ()) else mark(body[name])

    def _shown(self, event: dict[str, Any], name: str) -> Any:
        """A member that stands in its event, else nothing."""
        return None if name in event["body"].get("$blobs", ()) else event["body"].get(name)

    # the beginning

    def _created(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        forked, parent = _record(body["forked_from"]), _record(body["parent"])
        self.job = {"job": event["job"], "agent": body["agent"], "version": body["version"],
                    "from": self._other(forked["job"], event)}  # fmt: skip
        self._node("request", "request", event, goal=self._digest(event, "goal"))
        self._thing(self._agent(), "agent", event, name=body["agent"], version=body["version"])
        if self._early is not None:
            self._edge("plan", self._agent(), "agent", self._early)
        self._by("request", body["actor"], "submitted", event)
        self._produced("request", self._shown(event, "goal"))
        if self.job["from"]:
            self._edge(
                "request", self.job["from"], "forked", event, via=f"{forked['how']} at event {forked['seq']}"
            )
        born = self._other(parent["job"], event)
        if born:
            self._edge("request", born, "child", event, via=_word(parent["node"]) or "")
        self._sent_by("request", _record(body["instance"])["sender"], event)
        self._kept("request", _record(body["instance"])["after"], event)

    def _kept(self, key: str, job: Any, event: dict[str, Any]) -> None:
        """What the job before this one has left in the agent instance."""
        before = self._other(job, event)
        if before:
            self._edge(key, before, "kept", event)

    def _agent(self) -> str:
        return f"agent/{self.job['agent']}@{self.job['version']}"

    def _other(self, job: Any, event: dict[str, Any]) -> str | None:
        """The node of another job."""
        if not isinstance(job, str) or not _TEXT["job"].fullmatch(job):
            return None
        self._thing(f"job/{job}", "job", event, job=job)
        return f"job/{job}"

    def _planned(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self._node("plan", "plan", event, plan=_word(body["plan_hash"]), code=self._code.get("_plan"))
        self._edge("plan", "request", "used", event, via="goal")
        if self.job:
            self._edge("plan", self._agent(), "agent", event)
        else:  # the first event is erased: what is left of it comes later
            self._early = event
        self._after_answer("plan", "_plan", event)
        plan = self._part(body["plan"]["sha256"]) if "plan" in body.get("$blobs", ()) else body["plan"]
        if not isinstance(plan, dict) or not isinstance(plan.get("nodes"), list):
            return
        told = [
            node for node in map(_record, plan["nodes"]) if _is_name(node["id"])
        ]  # the others are withheld
        self.plan = {node["id"]: (_word(node["kind"]) or "", names_of(node)) for node in told}
        for kind, step, via in names_in(plan.get("output"), "output"):
            self._output.setdefault((kind, step), via)

    # steps and calls

    def _started(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        code = _word(body["code"])
        if code:
            self._code[event["node"]] = code

    def _asked(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        path, command = event["node"], body["command"]
        if command == "map":
            self._counts[path] = body["count"]
            return
        if command not in _CALLS:
            self._calls[path] = command
            if command == "send":
                self._sent(event, body)
            return
        key = f"step/{path}"
        self._node(key, _CALLS[command], event, step=path, tool=body["name"] if command != "llm" else None,
                   args=body["digest"] if event["raw"] is not None or not event.get("erased") else None)  # fmt: skip
        self._by_the_plan(key, event)
        self._inside(key, path, event)
        args = self._shown(event, "args")
        if args is None:
            return
        if command == "llm":
            self._asked_model(event, args)
        self._consumed(key, args, event)
        wish = self._wishes.get((str(body["name"]), mark(args)))
        if wish:
            self._edge(
                key,
                wish,
                "wished",
                event,
                "observed",
                "a tool call in the answer has this name and these arguments",
            )
        released = self._released.get(path)
        if released:
            self._edge(
                key,
                released[0],
                "released",
                event,
                via="these arguments" if released[1] == mark(args) else "other arguments",
            )

    def _sent(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """A message to an agent instance; it is a job of its own, which a copy of this one has not sent again."""
        path, key, args = event["node"], f"step/{event['node']}", _record(self._shown(event, "args"))
        self._node(
            key, "send", event, step=path, agent=_word(args["agent"]), args=self._digest(event, "args")
        )
        self._by_the_plan(key, event)
        self._inside(key, path, event)
        self._consumed(key, args["goal"], event)
        other = self._other(args["job"], event) if "copied" not in body else None
        if other:
            self._edge(other, key, "sent", event)
        self._has_answered(key, event)

    def _sent_by(self, key: str, sender: Any, event: dict[str, Any], kind: str = "sent") -> None:
        """What another job has sent or done, and which of its steps."""
        told = _record(sender)
        other = self._other(told["job"], event)
        if other:
            self._edge(key, other, kind, event, via=_word(told["node"]) or "")

    def _by_the_plan(self, key: str, event: dict[str, Any]) -> None:
        """A step is there because the plan says so; a call of the planner, because the request came."""
        planning = event["node"].partition("/")[0] == "_plan"
        self._edge(key, "request" if planning else "plan", "planned", event)

    def _inside(self, key: str, path: str, event: dict[str, Any]) -> None:
        """A call of code came after the answers that the code had."""
        step = path.partition("/")[0]
        if step != path and self.plan.get(step, ("",))[0] != "map":
            self._after_answer(key, step, event)

    def _after_answer(self, key: str, step: str, event: dict[str, Any]) -> None:
        before = (
            None if event.get("erased") else self._answered.get(step)
        )  # what is erased is told out of turn
        if before and before != key:
            self._informed.add(key)
            self._edge(key, before, "informed", event, "order")

    def _has_answered(self, key: str, event: dict[str, Any]) -> None:
        if not event.get("erased"):
            self._answered[event["node"].partition("/")[0]] = key

    def _asked_model(self, event: dict[str, Any], args: Any) -> None:
        if not isinstance(args, dict) or "messages" not in args:
            return
        params, tools = args.get("params"), _list(args.get("tools"))
        self._node(
            f"step/{event['node']}", "model_call", event, asked=_word(args.get("model")),
            params=params if isinstance(params, dict) else {}, prompt=self._mark(event, args["messages"]),
            tools=sorted(str(each.get("name")) for each in tools if isinstance(each, dict)),
        )  # fmt: skip

    @staticmethod
    def _mark(event: dict[str, Any], value: Any) -> str | None:
        """The digest of a value; None where something of the event is withheld or erased, for it would be another one."""
        return None if event["raw"] is None else mark(value)

    def _promised(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key = f"step/{event['node']}"
        self._node(key, "tool", event, step=event["node"], tool=body["tool"], version=body["version"],
                   effect=body["effect"], invocation=body["invocation"], key=body["key"], attempts=body["attempt"],
                   business_key=_word(body["business_key"]), state="open")  # fmt: skip
        self._calls[body["invocation"]] = key

    def _finished(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key = f"step/{event['node']}"
        self._node(key, "tool", event, step=event["node"], tool=body["tool"], invocation=body["invocation"],
                   result=self._digest(event, "result"), state=body["status"], settled_at=event["at"])  # fmt: skip
        self._calls[body["invocation"]] = key
        if body["recalled_from"] is not None:
            source = _record(body["recalled_from"])
            self._node(key, "tool", event, version=source["version"], effect=source["effect"],
                       business_key=_word(source["business_key"]))  # fmt: skip
            self._recalled(key, source, event)
        self._cited(event, self._shown(event, "citations"))
        result = self._shown(event, "result")
        if body["tool"] == LLM:
            self._answered_model(event, result)
        self._produced(key, result)
        self._has_answered(key, event)

    def _recalled(self, key: str, source: dict[str, Any], event: dict[str, Any]) -> None:
        other = f"invocation/{source['invocation']}"
        self._thing(
            other, "invocation", event, job=_word(source["job"]), invocation=_word(source["invocation"])
        )
        self._edge(key, other, "recalled", event)

    def _cited(self, event: dict[str, Any], citations: Any) -> None:
        key = f"step/{event['node']}"
        for number, each in enumerate(citations if isinstance(citations, list) else ()):
            told = _record(each)
            name, digest = _word(told["doc_id"] or told["doc"]), _word(told["digest"])
            document = f"document/{name}" + (f"#{digest}" if _is_name(digest) else "")
            if not _is_name(name):
                document = f"document/withheld/{event['seq']}.{number}"
            self._thing(
                document, "document", event, document=name, digest=digest, source=_word(told["source"])
            )
            self._edge(key, document, "cited", event)

    def _answered_model(self, event: dict[str, Any], result: Any) -> None:
        key = f"step/{event['node']}"
        if not isinstance(result, dict) or not _is_name(result.get("model")):
            return
        self._node(key, "model_call", event, become="model_call", answered=result["model"],
                   tokens=_record(result.get("usage")), provider=_word(result.get("provider")),
                   finish_reason=_word(result.get("finish_reason")), raw_digest=_word(result.get("raw_digest")))  # fmt: skip
        provider = _word(result.get("provider"))
        model = f"model/{provider or ''}/{result['model']}"
        self._thing(model, "model", event, name=result["model"], provider=provider)
        self._edge(key, model, "answered", event)
        for each in _list(result.get("tool_calls")):
            if isinstance(each, dict) and "name" in each and "arguments" in each:
                self._wishes.setdefault((str(each["name"]), mark(each["arguments"])), key)

    def _unknown(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self._node(self._of(body), "tool", event, state="unknown")

    def _of(self, body: dict[str, Any]) -> str:
        return self._calls.get(body["invocation"], f"invocation/{body['invocation']}")

    def _resolved(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key, call = f"resolution/{event['seq']}", self._of(body)
        self._node(key, "resolution", event, verdict=body["verdict"], comment=_word(body["comment"]))
        self._by(key, body["by"], "resolved", event)
        self._node(call, "tool", event, state=VERDICTS[body["verdict"]], result=self._digest(event, "result"),
                   settled_at=event["at"])  # fmt: skip
        self._edge(call, key, "resolved", event)
        self._produced(call, self._shown(event, "result"))
        self._has_answered(call, event)

    def _late(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self._node(self._of(body), "tool", event, late=body["status"])

    def _compensating(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key = f"step/{event['node']}"
        self._node(
            key,
            "compensation",
            event,
            become="compensation",
            step=event["node"],
            invocation=body["invocation"],
        )
        self._edge(key, f"step/{body['call']}", "undoes", event)
        if self._ending:
            self._edge(key, self._ending, "ending", event)

    def _compensated(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self._node(f"step/{body['call']}", "tool", event, state="compensated", undone_by=event["node"])

    # people, letters, waits

    def _question(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        path = event["node"]
        key = f"question/{path}"
        self._calls[path] = self._calls[body["approval"]] = "approval"
        self._node(key, "question", event, step=path, approval=body["approval"], shown=body["digest"],
                   question=_word(self._shown(event, "question")), quorum=body["quorum"], four_eyes=body["four_eyes"],
                   groups=self._shown(event, "groups"), users=self._shown(event, "users"))  # fmt: skip
        self._by_the_plan(key, event)
        self._inside(key, path, event)
        self._consumed(key, self._shown(event, "shown"), event)
        releases = self._shown(event, "releases")
        for each in releases if isinstance(releases, list) else ():
            if isinstance(each, dict) and isinstance(each.get("node"), str) and "args" in each:
                self._released[each["node"]] = (f"step/{path}", mark(each["args"]))

    def _voted(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        key, path = f"vote/{event['seq']}", event["node"]
        self._node(key, "vote", event, step=path, decision=body["decision"], effect=body["effect"], saw=_word(body["digest"]),
                   comment=_word(self._shown(event, "comment")))  # fmt: skip
        self._by(key, body["actor"], "decided", event)
        handed = self._delegated.get((path, self._person(body["actor"], event) or ""))
        if handed:
            self._edge(key, handed, "delegated", event)
        if body["to"] is not None:
            self._delegated[path, self._person(body["to"], event) or ""] = key
        self._edge(key, f"question/{path}", "saw", event, via=_word(body["digest"]) or "")
        self._edge(f"step/{path}", key, "voted", event)
        if body["effect"] in ("approved", "rejected"):
            self._node(
                f"step/{path}", "approval", event, step=path, state=body["effect"], approval=body["approval"]
            )
            self._produced(f"step/{path}", self._shown(event, "form"))
            self._has_answered(f"step/{path}", event)

    def _letter(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        kind = "signal" if event["type"] == "signal_received" else "message"
        key = f"{kind}/{event['seq']}"
        self._node(key, kind, event, name=body["name"] if kind == "signal" else body["channel"],
                   payload=self._digest(event, "payload"))  # fmt: skip
        self._by(key, body["actor"], "sent", event)
        self._sent_by(key, body["sender"], event)
        self._produced(key, self._shown(event, "payload"))

    def _waited(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        path, kind = event["node"], body["kind"]
        if kind == "approval":
            return
        key = f"step/{path}"
        self._node(key, "wait", event, step=path, name=_word(body["name"]), timed_out=body["timed_out"])
        self._by_the_plan(key, event)
        self._inside(key, path, event)
        if isinstance(body["source"], int):
            letter = "message" if f"message/{body['source']}" in self.nodes else "signal"
            self._edge(key, f"{letter}/{body['source']}", "took", event)
        if kind == "agent":
            self._kept(key, _record(body["value"])["after"], event)
        self._has_answered(key, event)

    def _child(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        path, key = event["node"], f"step/{event['node']}"
        if event["type"] == "child_started":
            self._node(key, "child", event, step=path, agent=body["agent"])
            self._by_the_plan(key, event)
            self._inside(key, path, event)
            self._consumed(key, self._shown(event, "goal"), event)
            return
        self._node(key, "child", event, step=path, state=body["status"], settled_at=event["at"],
                   result=self._digest(event, "output"))  # fmt: skip
        child = self._other(body["job"], event)
        if child:
            self._edge(key, child, "child", event)
        self._produced(key, self._shown(event, "output"))
        self._has_answered(key, event)

    # steps that are more than one call, and the end

    def _settled(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        path, key = event["node"], f"step/{event['node']}"
        kind = self.plan.get(path, ("", {}))[0]
        if kind not in ("workflow", "map", "branch", "sleep") or path == "_plan":
            return
        self._node(
            key,
            kind,
            event,
            step=path,
            state=body["outcome"] or "failed",
            result=self._digest(event, "result"),
        )
        self._by_the_plan(key, event)
        if kind == "workflow":
            self._after_answer(key, path, event)

    def _ends(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        kind = event["type"].removeprefix("job_")
        self._ending = key = f"{kind}/{event['seq']}"
        self._node(key, kind, event, reason=_word(self._shown(event, "reason")), step=body["node"] or None)
        self._by(key, body["actor"], "decided", event)
        if body["node"]:
            self._edge(key, f"step/{body['node']}", "failed", event)

    def _over(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        self._node("output", "output", event, state=event["type"].removeprefix("job_"), outcome=body["outcome"],
                   result=self._digest(event, "output"))  # fmt: skip
        self._by("output", body["actor"], "decided", event)
        if body["node"]:
            self._edge("output", f"step/{body['node']}", "failed", event)
        if self._ending and event["type"] != "job_completed":
            self._edge("output", self._ending, "ending", event)

    def _deed(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """What somebody did to the job from outside, that no step waits for."""
        kind = {"job_paused": "pause", "job_resumed": "resume", "payload_erased": "erasure", "job_forked": "fork",
                "world_confirmed": "confirmation", "world_diverged": "divergence"}[event["type"]]  # fmt: skip
        key = f"{kind}/{event['seq']}"
        self._node(key, kind, event, reason=_word(self._shown(event, "reason")), basis=_word(body["basis"]))
        self._by(key, body["actor"], "decided", event)
        if "invocation" in body:
            self._edge(key, self._of(body), "checked", event)
        if kind == "fork":
            born = self._other(body["job"], event)
            if born:
                self._edge(born, key, "forked", event, via=f"at event {body['at']}")
        if kind == "erasure" and self._shown(event, "legible") is not None:
            self._erased(event, body["legible"])

    def _erased(self, event: dict[str, Any], legible: Any) -> None:
        """What stays legible of bodies that are gone, taken as their events."""
        seqs = event["body"].get("seq")
        for seq, body in zip(seqs, legible, strict=True) if isinstance(seqs, list) else ():
            gone = self._gone.pop(seq, None)
            if gone is not None:
                self.take({**gone, "body": body, "erased": True})

    def _given_request(self, event: dict[str, Any], value: Any) -> None:
        if f"step/{event['node']}" in self.nodes:
            self._asked_model(event, value)

    def _given_reply(self, event: dict[str, Any], value: Any) -> None:
        if event["body"]["tool"] == LLM:
            self._answered_model(event, value)

    _PARTS: Mapping[tuple[str, str], str] = {
        ("command_emitted", "args"): "request", ("payload_erased", "legible"): "legible",
        ("tool_invocation_finished", "result"): "reply", ("tool_invocation_finished", "citations"): "citations",
    }  # fmt: skip
    _GIVEN: Mapping[str, Callable[..., None]] = {
        "request": _given_request, "reply": _given_reply, "citations": _cited, "legible": _erased,
    }  # fmt: skip
    _TELLS: Mapping[str, Callable[..., None]] = {
        "job_created": _created, "plan_generated": _planned, "node_started": _started, "command_emitted": _asked,
        "tool_invocation_started": _promised, "tool_invocation_finished": _finished, "outcome_unknown": _unknown,
        "outcome_resolved": _resolved, "late_outcome": _late, "compensation_started": _compensating,
        "compensation_finished": _compensated, "approval_requested": _question, "approval_decided": _voted,
        "signal_received": _letter, "message_received": _letter, "wait_completed": _waited, "child_started": _child,
        "child_finished": _child, "node_finished": _settled, "node_failed": _settled, "job_failing": _ends,
        "job_cancelling": _ends, "job_completed": _over, "job_failed": _over, "job_cancelled": _over, "job_paused": _deed,
        "job_resumed": _deed, "payload_erased": _deed, "job_forked": _deed, "world_confirmed": _deed, "world_diverged": _deed,
    }  # fmt: skip

    # the graph as a whole

    def end(self) -> None:
        """Add what the plan says of the steps that there are, and drop what leads to a step that never was."""
        for key in sorted(self.nodes):
            if key.startswith(("step/", "question/")):
                self._by_plan(key, key.partition("/")[2])
        for (kind, step), via in self._output.items():
            if "output" in self.nodes:
                self.edges.setdefault(
                    ("output", f"step/{step}", kind), ("declared", self.nodes["output"]["seq"], via)
                )
        said = {key[:2] for key in self.edges if key[2] == "used"}
        self.edges = {
            key: told
            for key, told in self.edges.items()
            if key[0] in self.nodes and key[1] in self.nodes and not (key[2] == "value" and key[:2] in said)
        }

    def _by_plan(self, key: str, path: str) -> None:
        seq, (step, _, inner) = self.nodes[key]["seq"], path.partition("/")
        kind, names = self.plan.get(step, ("", {}))
        if kind == "approval" and key.startswith("step/") and not inner:
            return  # the question has what it rests on
        if inner and kind != "map":
            if key in self._informed:
                return
            names = {("used", cause): via for (_, cause), via in names.items()}
        how = "order" if inner and kind != "map" else "declared"
        for (named, cause), via in names.items():
            self.edges.setdefault((key, f"step/{cause}", named), (how, seq, via))
        if kind == "map" and not inner:
            for item in range(self._counts.get(path, 0)):
                self.edges.setdefault((key, f"step/{path}/{item}", "item"), ("declared", seq, ""))

    def json(self) -> dict[str, Any]:
        """The graph as clients see it: nodes and edges in the order in which things happened."""
        order = sorted(self.nodes, key=lambda key: (self.nodes[key]["seq"], key))
        place = {key: number for number, key in enumerate(order)}
        edges = sorted(
            self.edges.items(), key=lambda each: (place[each[0][0]], place[each[0][1]], each[0][2])
        )
        return {
            "job": self.job.get("job"), "agent": self.job.get("agent"), "version": self.job.get("version"),
            "nodes": [{"id": key, **self.nodes[key]} for key in order],
            "edges": [{"from": key[0], "to": key[1], "kind": key[2], "how": told[0], "seq": told[1], "via": told[2]}
                      for key, told in edges],
            "complete": not self.full,
        }  # fmt: skip


class _Told(dict[str, Any]):
    """What an event says; of a member that was withheld or never there, nothing."""

    def __missing__(self, name: str) -> None:
        return None


def _record(value: Any) -> dict[str, Any]:
    return _Told(value if isinstance(value, dict) else {})


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_name(value: Any) -> bool:
    """Whether a value tells one thing from another: a text that is not a mark, or the mark of a keyed hash."""
    return (
        isinstance(value, str)
        and value != ""
        and (_HASHED.fullmatch(value) is not None or not _MARKED.search(value))
    )


def _word(value: Any) -> str | None:
    """A short text; None for anything else, as for what was erased."""
    return value[:500] if isinstance(value, str) and value else None


def _without(event: dict[str, Any], name: str) -> dict[str, Any]:
    """An event without one of its parts and without its stored text, of which is kept only that it was there."""
    body = {key: value for key, value in event["body"].items() if key != name}
    return {**event, "body": body, "raw": None if event["raw"] is None else ""}


# the same in PROV-JSON (W3C Member Submission, PROV-DM's terms)

_AGENTS, _ENTITIES = (
    frozenset({"person", "agent", "model"}),
    frozenset({"request", "plan", "question", "signal", "message", "document", "output"}),
)
_EVERYWHERE = frozenset({"person", "agent", "model", "document", "job", "invocation"})
_RELATIONS = {
    ("activity", "entity"): ("used", "prov:activity", "prov:entity"),
    ("activity", "activity"): ("wasInformedBy", "prov:informed", "prov:informant"),
    ("activity", "agent"): ("wasAssociatedWith", "prov:activity", "prov:agent"),
    ("entity", "entity"): ("wasDerivedFrom", "prov:generatedEntity", "prov:usedEntity"),
    ("entity", "activity"): ("wasGeneratedBy", "prov:entity", "prov:activity"),
    ("entity", "agent"): ("wasAttributedTo", "prov:entity", "prov:agent"),
}


def prov_class(kind: str) -> str:
    """What a kind of node is in PROV: agent, entity or activity."""
    return "agent" if kind in _AGENTS else "entity" if kind in _ENTITIES else "activity"


def prov_id(key: str, kind: str) -> str:
    """The qualified name of a node: of this job, or of everything that Aetheris knows."""
    return ("aetheris:" if kind in _EVERYWHERE else "job:") + quote(
        key, safe="/@.-_~", errors="surrogatepass"
    )


def _prov_record(node: dict[str, Any]) -> dict[str, Any]:
    kind, hidden = node["kind"], {"kind", "at", "settled_at"}
    told: dict[str, Any] = {"prov:type": {"$": f"aetheris:{kind}", "type": "prov:QUALIFIED_NAME"}}
    for name in sorted(set(node) - hidden):
        value = node[name]
        told[f"aetheris:{name}"] = canonical(value) if isinstance(value, dict | list) else value
    if prov_class(kind) == "activity":
        told["prov:startTime"] = node["at"]
        told |= {"prov:endTime": node["settled_at"]} if "settled_at" in node else {}
    return told


def prov_records(graph: Evidence, head: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every record of the PROV document: section, id, and what it says; in the one order."""
    nodes, job = graph.nodes, str(graph.job.get("job", ""))
    run = f"aetheris:job/{job}"
    found = [(prov_class(node["kind"]), prov_id(key, node["kind"]), key) for key, node in nodes.items()]
    found += [("activity", run, ""), ("entity", "job:record", "")]
    links = sorted(graph.edges)
    width = len(str(len(links)))
    tied = []
    for number, (effect, cause, kind) in enumerate(links):
        pair = (prov_class(nodes[effect]["kind"]), prov_class(nodes[cause]["kind"]))
        if pair in _RELATIONS:
            tied.append((_RELATIONS[pair][0], f"_:{number:0{width}}", (effect, cause, kind)))
    tied.append(("wasGeneratedBy", "_:record", ("", "", "")))
    for section in sorted({each[0] for each in [*found, *tied]}):
        for _, name, key in sorted(each for each in found if each[0] == section):
            yield section, name, _prov_record(nodes[key]) if key else _prov_whole(name, run, head, job)
        for _, name, link in (each for each in tied if each[0] == section):
            yield (
                section,
                name,
                _prov_link(graph, link) if link[0] else {"prov:entity": "job:record", "prov:activity": run},
            )


def _prov_whole(name: str, run: str, head: dict[str, Any], job: str) -> dict[str, Any]:
    """The record as a whole, and the run that wrote it."""
    if name == run:
        return {"prov:type": {"$": "aetheris:job", "type": "prov:QUALIFIED_NAME"}, "aetheris:job": job}
    return {"aetheris:job": job, "aetheris:seq": head["seq"], "aetheris:hash": head["hash"]}


def _prov_link(graph: Evidence, link: tuple[str, str, str]) -> dict[str, Any]:
    effect, cause, kind = link
    kinds = graph.nodes[effect]["kind"], graph.nodes[cause]["kind"]
    _, one, other = _RELATIONS[prov_class(kinds[0]), prov_class(kinds[1])]
    how, seq, via = graph.edges[link]
    told = {one: prov_id(effect, kinds[0]), other: prov_id(cause, kinds[1]), "aetheris:kind": kind, "aetheris:how": how,
            "aetheris:seq": seq}  # fmt: skip
    return {**told, "aetheris:via": via} if via else told


def prov_pieces(graph: Evidence, head: dict[str, Any]) -> Iterator[tuple[str, int, str]]:
    """The canonical PROV-JSON text of a graph, piece by piece: whose piece it is, of which event, and the text."""
    prefix = canonical({"aetheris": "urn:aetheris:", "job": f"urn:aetheris:job:{graph.job.get('job')}:"})
    before = ""
    for section, name, record in prov_records(graph, head):
        opening = f"{canonical(section)}:{{"
        if section != before:
            gap = "}," if before else "{"
            if before < "prefix" < section:
                gap = f'{gap}"prefix":{prefix},'
            opening = gap + opening
        else:
            opening = ","
        before = section
        yield (
            f"{section} {name}",
            record.get("aetheris:seq", 0),
            f"{opening}{canonical(name)}:{canonical(record)}",
        )
    yield "its end", 0, "}}\n"


# --- the checks ------------------------------------------------------------------------------------------------------

_OUTER = {"format": int, "software": dict, "job": dict, "head": dict, "ended": (str, type(None)), "profile": str,
          "withheld": list, "files": list, "signer": str, "keys": list, "broken": (dict, type(None))}  # fmt: skip
_FILE = {"name": str, "size": int, "sha256": str, "packed": int, "packed_sha256": str}
_WITHHELD = {"path": str, "how": str, "what": str, "events": list}
_JOB = {"id": str, "tenant": str, "agent": str, "version": str}
# What reading a package that somebody has forged, signature and all, may end in.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Wishes:
    """What the reader knows of their own.

    Args:
        keys: public keys that may have signed; empty: the signer is not pinned.
        checkpoint: text of a checkpoint that the reader has kept.
        consistency: JSON text of a consistency proof between the kept checkpoint and the package's.
        job: the job that it must be of.
        head: the head that it must reach, `SEQ:HASH`.
    """

    keys: tuple[bytes, ...] = ()
    checkpoint: str = ""
    consistency: str = ""
    job: str = ""
    head: str = ""


class Verifier:
    """Runs the checks one after the other; a check whose ground is missing is skipped, and the verdict is no pass then."""

    def __init__(self, file: BinaryIO, wishes: Wishes) -> None:
        self.package, self.wishes = Package(file), wishes
        self.report = Report()
        self.manifest: dict[str, Any] = {}
        self.withheld: dict[int, list[tuple[str, str, str]]] = {}
        self.chain: Chain | None = None
        self.ledger, self.questions = Ledger(), Questions()
        self.graph = Evidence(self._part_value)
        self.untold: Broken | None = None
        self.file, self.line, self.seq = "", 0, 0
        self.head: SignedHead | None = None

    def run(self) -> Report:
        """All checks."""
        formed = self._check("form", self.form)
        self._check("files", self.files, formed)
        told = bool(self.manifest)
        chained = self._check("chain", self.events, told)
        self._check("parts", self.parts, chained)
        self._check("ledger", lambda: self.lines_of(LEDGER, self.ledger), chained)
        self._check("approvals", lambda: self.lines_of(APPROVALS, self.questions), chained)
        self._check("evidence", self.evidence, chained)
        self._check("envelope", self.envelope, told)
        self._check("log", self.log, told and self.chain is not None)
        if self.wishes.checkpoint:
            self._check("kept", self.kept, self.head is not None)
        if self.wishes.job or self.wishes.head:
            self._check("expected", self.expected, told)
        return self.report

    def _check(self, name: str, check: Callable[[], str], ready: bool = True) -> bool:
        if not ready:
            self.report.checks.append(Check(name, "skipped", "what it stands on has failed"))
            return False
        self.file, self.line, self.seq = "", 0, 0
        try:
            self.report.checks.append(Check(name, "pass", check()))
            return True
        except Broken as broken:
            found = broken.found
        except Undecided as open_question:
            self.report.checks.append(Check(name, "undecided", str(open_question)))
            return False
        except UNREADABLE as error:
            found = Break(
                "unreadable", f"{type(error).__name__}: {error}"[:300], self.file, self.line, self.seq
            )
        self.report.checks.append(Check(name, "fail", str(found), found))
        return False

    def broken(self, kind: str, message: str, *, seq: int = 0) -> NoReturn:
        """Fail at the place that is being read."""
        raise Broken(kind, message, self.file, self.line, seq or self.seq)

    def _lines(self, name: str) -> Iterator[Any]:
        self.file, self.line, self.seq = name, 0, 0
        for number, value in self.package.lines(name):
            self.line = number
            yield value

    def form(self) -> str:
        """The ZIP's own bytes."""
        self.package.check_form()
        return f"{len(FILES)} files in their order, nothing between or after them"

    def files(self) -> str:
        """The manifest, and every file against it."""
        first: Broken | None = None
        for name in FILES:
            try:
                for _ in self.package.chunks(name):
                    continue
            except Broken as broken:
                first = first or broken
        if MANIFEST in self.package.seen:
            self.manifest = self._manifest(parsed(self.package.whole(MANIFEST), MANIFEST, pretty))
        if first is not None:
            raise first
        for name, told in zip(FILES[:-2], self.manifest["files"], strict=True):
            seen = self.package.seen[name]
            shown = {"name": name, "size": seen.size, "sha256": seen.sha256, "packed": self.package.members[name].packed,
                     "packed_sha256": seen.packed_sha256}  # fmt: skip
            if shown != told:
                wrong = next(each for each in _FILE if shown[each] != told[each])
                raise Broken(
                    "changed_file", f"{wrong} is {shown[wrong]}, the manifest says {told[wrong]}", name
                )
        if self.manifest["broken"] is not None:
            raise Broken(
                "exported_broken",
                f"the exporter says that the record was broken: {self.manifest['broken']}",
                MANIFEST,
            )
        return f"{len(FILES) - 2} files are as the manifest says"

    def _manifest(self, told: Any) -> dict[str, Any]:
        manifest = members(told, _OUTER, MANIFEST)
        if manifest["format"] != FORMAT:
            raise Broken(
                "format",
                f"format {manifest['format']} is not known to this program, which reads {FORMAT}",
                MANIFEST,
            )
        members(manifest["job"], _JOB, MANIFEST)
        members(manifest["head"], {"seq": int, "hash": str}, MANIFEST)
        if [members(each, _FILE, MANIFEST)["name"] for each in manifest["files"]] != list(FILES[:-2]):
            raise Broken("bad_form", f"it must name exactly {', '.join(FILES[:-2])}", MANIFEST)
        for entry in manifest["withheld"]:
            members(entry, _WITHHELD, MANIFEST)
            if (
                entry["how"] not in HOWS
                or not TYPE.fullmatch(entry["what"])
                or not entry["path"].startswith("/")
            ):
                raise Broken(
                    "bad_form",
                    f"{entry['how']} of {entry['what']} at {entry['path']} is no way to withhold",
                    MANIFEST,
                )
            for seq in entry["events"]:
                self.withheld.setdefault(seq, []).append((entry["path"], entry["how"], entry["what"]))
        self.report.facts = {
            name: manifest[name] for name in ("job", "head", "ended", "profile", "software", "signer")
        } | {"erased": []}
        return manifest

    def events(self) -> str:
        """The chain; on the way the book and the questions are derived, and what was withheld is looked at."""
        self.chain = chain = Chain(self.manifest["job"]["id"], self.withheld, self.broken, self._part_value)
        texts = self._part_texts() if self.withheld else {}
        for event in self._lines(EVENTS):
            self.seq = chain.count + 1
            taken = chain.take(event)
            self._withheld(taken, texts)
            if not chain.erased:
                self.ledger.take(taken)
                self.questions.take(taken)
            self._into_graph(taken)
        self.line, self.seq = 0, 0
        chain.end(self.manifest["head"], self.manifest["ended"])
        if chain.erased:
            self._derive_again(chain)
        self._first(chain)
        told = f"{chain.count} events, head {chain.last[:16]}…, {chain.ended or 'still open'}"
        if chain.redacted:
            self.report.notes.append(f"{chain.redacted} events have parts withheld by the profile {self.manifest['profile']!r}: "
                                     "that each is the event at its place is proved, what is left of its body is what the signer says")  # fmt: skip
        if chain.erased:
            for each in chain.erasures:
                by = each["by"] if isinstance(each["by"], dict) else {"name": each["by"]}
                self.report.notes.append(f"the bodies of events {', '.join(map(str, each['seq']))} were erased (event {each['event']}), "
                                         f"by {by.get('name') or by.get('id')}, on the ground of {each['legal_basis']}: {each['reason']}")  # fmt: skip
        return told

    def _derive_again(self, chain: Chain) -> None:
        """The book and the questions once more: what is left of an erased event stands in a later one."""
        self.ledger, self.questions = Ledger(), Questions()
        for event in self._lines(EVENTS):
            self.seq = event["seq"]
            taken = {**event, "body": chain.left.get(self.seq, event["body"])}
            chain.first = taken["body"] if self.seq == 1 else chain.first
            self.ledger.take(taken)
            self.questions.take(taken)
        self.line, self.seq = 0, 0
        self.report.facts["erased"] = chain.erasures

    def _into_graph(self, event: dict[str, Any]) -> None:
        """Take an event into the graph; one that it cannot read is told of when the graph is looked at."""
        try:
            self.graph.take(event)
        except UNREADABLE as error:
            message = f"event {event['seq']} tells no graph ({type(error).__name__}: {error})"[:300]
            self.untold = self.untold or Broken("evidence", message, EVENTS, self.line, event["seq"])

    def _part_value(self, digest: str) -> Any:
        """A large part; nothing where it is not there, which is told of elsewhere."""
        try:
            found = (line["text"] for _, line in self.package.lines(PARTS) if line["sha256"] == digest)
            return json.loads(next(found, "null"))
        except (Broken, *UNREADABLE):
            return None

    def _withheld(self, event: dict[str, Any], texts: dict[str, str]) -> None:
        for path, how, what in self.withheld.get(event["seq"], ()):
            if event["body"] is None or not is_withheld(
                event["body"], path, how, what, lambda digest: json.loads(texts[digest])
            ):
                self.broken(
                    "withheld", f"the manifest says {how} of {what} at {path}; that is not what stands there"
                )

    def _part_texts(self) -> dict[str, str]:
        return {line["sha256"]: line["text"] for line in self._lines(PARTS)}

    def _first(self, chain: Chain) -> None:
        job = self.manifest["job"]
        for name in ("tenant", "agent", "version"):
            if chain.first is not None and chain.first[name] != job[name]:
                raise Broken(
                    "manifest",
                    f"{name} is {job[name]!r}, the first event says {chain.first[name]!r}",
                    MANIFEST,
                )
        unknown = [seq for seq in self.withheld if not 1 <= seq <= chain.count]
        if unknown:
            raise Broken(
                "manifest",
                f"it says that something is withheld in event {unknown[0]}, which is not there",
                MANIFEST,
            )

    def parts(self) -> str:
        """Every part that an event names, once, in the order of their digests, and no other."""
        wanted, before = dict(self.chain.parts) if self.chain else {}, ""
        for line in self._lines(PARTS):
            digest = members(line, {"sha256": str, "text": str}, PARTS, self.line)["sha256"]
            if digest <= before:
                self.broken("reordered", "the parts do not stand in the order of their digests")
            before, self.seq = digest, wanted.pop(digest, 0)
            if not self.seq:
                self.broken("extra", f"no event names the part {digest[:16]}…")
            if sha256(line["text"].encode("ascii")) != digest:
                self.broken("changed_body", f"the part {digest[:16]}… is not the one that its digest names")
            if digest in self.graph.wants:
                self._into_graph_late(digest, line["text"])
        if wanted:
            self.line, self.seq = 0, min(wanted.values())
            self.broken("missing", f"a part that event {self.seq} names is missing")
        return f"{len(self.chain.parts) if self.chain else 0} large parts"

    def _into_graph_late(self, digest: str, text: str) -> None:
        try:
            self.graph.give(digest, json.loads(text))
        except UNREADABLE as error:
            message = f"a large part tells no graph ({type(error).__name__}: {error})"[:300]
            self.untold = self.untold or Broken("evidence", message, PARTS, self.line, self.seq)

    def lines_of(self, name: str, told: Ledger | Questions) -> str:
        """A file of derived lines against what the events tell, in the order of their ids."""
        left, before = set(told.lines), ""
        for line in self._lines(name):
            key = str(line["id"])
            self.seq = told.spoken.get(key, 0)
            if key <= before:
                self.broken("reordered", "the lines do not stand in the order of their ids")
            before = key
            derived = told.line(key)
            if derived is None:
                self.broken("extra", f"no event speaks of {key}")
            left.discard(key)
            wrong = _different(derived, light(line))
            if wrong:
                kind = "ledger_line" if name == LEDGER else "derived_row"
                self.broken(kind, f"{', '.join(wrong)} of {key}: not what the events say")
        if left:
            missing = min(left)
            self.line, self.seq = 0, told.spoken[missing]
            self.broken("missing", f"the line of {missing} is missing")
        return f"{len(told.lines)} lines are those that the events tell"

    def evidence(self) -> str:
        """The graph is exactly what the events tell, derived here a second time; compared as it is read."""
        self.file = EVIDENCE
        if self.untold is not None:
            raise self.untold
        self.graph.end()
        chunks, left = self.package.chunks(EVIDENCE), b""
        for place, seq, text in prov_pieces(self.graph, self.manifest["head"]):
            piece = text.encode("ascii")
            while len(left) < len(piece) and (more := next(chunks, b"")):
                left += more
            if not left.startswith(piece):
                self._another_graph(place, seq)
            left = left[len(piece) :]
        if left or next(chunks, b""):
            self._another_graph("its end", 0)
        nodes, edges = len(self.graph.nodes), len(self.graph.edges)
        return f"{nodes} nodes and {edges} edges are those that the events tell"

    def _another_graph(self, place: str, seq: int) -> NoReturn:
        """Say where the graph is another one: at the record that names an event which is not there, else from a place on."""
        stack = [parsed(self.package.whole(EVIDENCE), EVIDENCE, lambda value: canonical(value) + "\n")]
        while stack and self.chain is not None:
            value = stack.pop()
            if isinstance(value, dict):
                self._names_event(value, self.chain)
                stack.extend(value.values())
            elif isinstance(value, list):
                stack.extend(value)
        self.seq = seq
        self.broken("evidence", f"from {place} on it is not what the events tell")

    def _names_event(self, record: dict[str, Any], chain: Chain) -> int:
        seq, told = _plain(record.get("aetheris:seq")), _plain(record.get("aetheris:hash"))
        job = _plain(record.get("aetheris:job"))
        if seq is None or job is not None and job != chain.job:
            return 0
        self.seq = int(seq)
        if not 1 <= self.seq <= chain.count:
            self.broken("evidence", f"a record names event {seq}, which is not there")
        if told is not None and told != chain.hash_of(self.seq):
            self.broken(
                "evidence", f"a record names event {seq} with the hash {str(told)[:16]}…, which is another"
            )
        return 1

    def keys(self) -> list[bytes]:
        """The keys that may have signed: the pinned ones, else those that the package names itself."""
        if self.wishes.keys:
            return list(self.wishes.keys)
        return [read_vkey(text)[1] for text in [self.manifest["signer"], *self.manifest["keys"]]]

    def envelope(self) -> str:
        """The signature over the manifest."""
        self.file = ENVELOPE
        told = members(parsed(self.package.whole(ENVELOPE), ENVELOPE, lambda value: canonical(value) + "\n"),
                       {"payload": str, "payloadType": str, "signatures": list}, ENVELOPE)  # fmt: skip
        payload = exact_base64(told["payload"])
        signer = self.manifest["signer"]
        name, public = read_vkey(signer)
        statement = {
            "_type": STATEMENT, "predicateType": PREDICATE,
            "subject": [{"name": MANIFEST, "digest": {"sha256": self.package.seen[MANIFEST].sha256}}],
            "predicate": {"job": self.manifest["job"]["id"], "head": self.manifest["head"]},
        }  # fmt: skip
        if told["payloadType"] != PAYLOAD_TYPE or payload != canonical(statement).encode():
            self.broken("envelope", "what is signed is not this manifest")
        if len(told["signatures"]) != 1:
            self.broken("envelope", f"one signature is expected, {len(told['signatures'])} are there")
        one = members(told["signatures"][0], {"keyid": str, "sig": str}, ENVELOPE)
        if one["keyid"] != f"{name}+{key_id(name, public).hex()}":
            self.broken("envelope", f"the signature names the key {one['keyid']}, the manifest {signer}")
        if not signed_by(public, pae(PAYLOAD_TYPE, payload), exact_base64(one["sig"])):
            self.broken("signature", f"the signature is not one of the key {one['keyid']}")
        if self.wishes.keys and public not in self.wishes.keys:
            self.broken("wrong_key", f"it is signed by {signer}, which is none of the keys that you gave")
        if not self.wishes.keys:
            self.report.notes.append(f"the signer is not pinned: {signer} signed, and only --key says whether that is whom you "
                                     "trust. Without it this package is intact, no more.")  # fmt: skip
            return f"intact; signed by {one['keyid']}, not pinned"
        return f"signed by {one['keyid']}, one of your keys"

    def log(self) -> str:
        """The head's leaf, its inclusion proof, and the checkpoint's signature."""
        self.file = CHECKPOINT
        head = read_checkpoint(self.package.whole(CHECKPOINT).decode("utf-8"), CHECKPOINT)
        if head.signer(self.keys()) is None:
            kind = "wrong_key" if self.wishes.keys else "signature"
            self.broken(kind, f"the checkpoint of {head.origin} is signed by none of the keys")
        self.head, self.file = head, INCLUSION
        told = members(parsed(self.package.whole(INCLUSION), INCLUSION, pretty),
                       {"leaf": str, "index": int, "size": int, "path": list}, INCLUSION)  # fmt: skip
        if told["size"] != head.size:
            self.broken(
                "inclusion",
                f"the proof is for a tree of {told['size']} leaves, the checkpoint has {head.size}",
            )
        path = hashes(told["path"], INCLUSION)
        if root_of(leaf_hash(told["leaf"].encode()), told["index"], head.size, path) != head.root:
            self.broken("inclusion", "the proof does not lead from the leaf to the root of the checkpoint")
        self._witnessed(told["leaf"])
        self.report.facts["checkpoint"] = {"origin": head.origin, "size": head.size, "root": head.root.hex()}
        return f"the head is leaf {told['index']} of {head.size} in {head.origin}"

    def _witnessed(self, leaf: str) -> None:
        chain, (job, seq, hashed) = self.chain, leaf_head(leaf)
        if chain is None or job != chain.job:
            self.broken("inclusion", f"the leaf is of job {job}")
        if not 1 <= seq <= chain.count or chain.hash_of(seq) != hashed:
            self.broken(
                "forked_head",
                f"the log knows event {seq} with the hash {hashed[:16]}…, the package another",
                seq=seq,
            )
        if seq < chain.count:
            raise Broken("not_yet_witnessed", f"events {seq + 1} to {chain.count} came after the witnessed head: not yet witnessed",
                         EVENTS, seq + 1, seq + 1)  # fmt: skip

    def kept(self) -> str:
        """A checkpoint that the reader has kept against the package's."""
        mine, head = read_checkpoint(self.wishes.checkpoint, "your checkpoint"), self.head
        assert head is not None
        if mine.origin != head.origin:
            raise Undecided(f"your checkpoint is of the log {mine.origin}, the package's of {head.origin}")
        if mine.signer(self.keys()) is None:
            raise Broken("wrong_key", "your checkpoint is signed by none of the keys", "your checkpoint")
        old, new = sorted((mine, head), key=lambda each: each.size)
        if old.size == new.size:
            if old.root != new.root:
                raise Broken(
                    "rewritten",
                    f"two different trees of {new.size} leaves bear a signature: the log was rewritten",
                    CHECKPOINT,
                )
            return f"the same tree of {new.size} leaves"
        if not self.wishes.consistency:
            raise Undecided(f"your checkpoint has {mine.size} leaves, the package's {head.size}: a consistency proof between the "
                            "two is needed; ask the log for it (docs: transparency log) and give it with --consistency")  # fmt: skip
        proof = json.loads(self.wishes.consistency)
        if not grew(old.size, old.root, new.size, new.root, hashes(proof["path"], "consistency proof")):
            raise Broken("rewritten", f"the tree of {new.size} leaves is not that of {old.size}, grown: the log was rewritten, or the "
                         "proof is for other sizes", CHECKPOINT)  # fmt: skip
        return f"the tree of {new.size} leaves is that of {old.size}, grown"

    def expected(self) -> str:
        """Job and head against what the reader expects."""
        job, head = self.manifest["job"]["id"], self.manifest["head"]
        if self.wishes.job not in ("", job):
            raise Broken("another_job", f"it is of job {job}, not of {self.wishes.job}", MANIFEST)
        if self.wishes.head not in ("", f"{head['seq']}:{head['hash']}"):
            raise Broken("another_head", f"it reaches {head['seq']}:{head['hash']}, not {self.wishes.head}: an older or a newer "
                         "package of the job, or a rewritten one", MANIFEST)  # fmt: skip
        return f"job {job} at event {head['seq']}"


def _different(derived: Line, shown: Line) -> list[str]:
    """The names under which two lines differ; by their texts, for 1, 1.0 and true are equal to Python alone."""
    names = {*derived, *shown}
    return sorted(
        name
        for name in names
        if name not in derived or name not in shown or canonical(derived[name]) != canonical(shown[name])
    )


def _plain(value: Any) -> Any:
    """A value of PROV-JSON without its type."""
    return value.get("$") if isinstance(value, dict) else value


def pae(kind: str, payload: bytes) -> bytes:
    """What a DSSE signature is over (DSSE v1: pre-authentication encoding)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


# --- entry -----------------------------------------------------------------------------------------------------------


def verify(path: Path | str, wishes: Wishes | None = None) -> Report:
    """Check a package.

    Args:
        path: the file.
        wishes: keys to pin, a kept checkpoint, an expected head.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return Verifier(file, wishes or Wishes()).run()


def opened(path: Path | str, key: bytes) -> Iterator[dict[str, Any]]:
    """The encrypted values of a package that has been verified: `{seq, path, value}` each.

    Raises:
        ValueError: the key opens one of them not.
        Undecided: the package `cryptography` is not installed.
    """
    with open(path, "rb") as file:
        checker = Verifier(file, Wishes())
        checker.form()
        checker.files()
        texts = checker._part_texts()
        for _, event in checker.package.lines(EVENTS):
            for place, how, _ in checker.withheld.get(event["seq"], ()):
                codes = _sealed_at(event["body"], place, texts) if how == "encrypt" else []
                yield from (
                    {"seq": event["seq"], "path": place, "value": open_sealed(key, code)} for code in codes
                )


def _sealed_at(body: dict[str, Any], path: str, texts: dict[str, str]) -> list[str]:
    outside = {name: json.loads(texts[body[name]["sha256"]]) for name in body.get("$blobs", ())}
    value = at_pointer({**body, **outside}, path)
    return [found[1] for found in SEALED.findall(value)] if isinstance(value, str) else []


def given_keys(values: list[str]) -> tuple[bytes, ...]:
    """Public keys as they were given: each a text, or a file with one."""
    found = []
    for value in values:
        text = value
        if "\n" not in value and "+" not in value or Path(value).is_file():
            text = Path(value).read_text("utf-8")
        found.append(public_bytes(text))
    return tuple(found)


def told(report: Report) -> Iterator[str]:
    """The verdict in words."""
    for each in report.checks:
        yield f"{each.status.upper():9}  {each.name:9}  {each.detail}"
    for note in report.notes:
        yield f"NOTE       {note}"
    if not CRYPTOGRAPHY:
        yield "NOTE       `cryptography` is not installed: signatures were checked by this file's own code; encrypted fields cannot be opened"
    if report.problem is not None:
        yield f"BROKEN     {report.problem}"
    else:
        yield "OK" if report.ok else "UNDECIDED"


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns the exit code."""
    given = _parser().parse_args(arguments)
    try:
        texts = [
            Path(name).read_text("utf-8") if name else "" for name in (given.checkpoint, given.consistency)
        ]
        report = verify(given.file, Wishes(given_keys(given.key), texts[0], texts[1], given.job, given.head))
        key = bytes.fromhex(Path(given.open).read_text().strip()) if given.open and report.ok else None
        values = list(opened(given.file, key)) if key else []
    except (OSError, ValueError, Undecided) as error:
        print(f"cannot be done: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps({**report.to_json(), **({"opened": values} if given.open else {})}, indent=2))
    else:
        shown = [f"event {each['seq']} {each['path']} = {canonical(each['value'])}" for each in values]
        print("\n".join([*told(report), *shown]))
    return report.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Verify an Aetheris evidence package.")
    add = parser.add_argument
    add("file", help="the package")
    add(
        "--key",
        action="append",
        default=[],
        help="public key that may have signed: one line, PEM, or a file; repeatable",
    )
    add("--checkpoint", metavar="FILE", help="a checkpoint that you have kept")
    add("--consistency", metavar="FILE", help="a consistency proof between the two checkpoints")
    add("--job", default="", help="the job that it must be of")
    add("--head", default="", metavar="SEQ:HASH", help="the head that it must reach")
    add("--open", metavar="KEYFILE", help="print the encrypted fields, opened with this key (64 hex digits)")
    add("--json", action="store_true", help="print one JSON document")
    return parser


if __name__ == "__main__":
    sys.exit(main())
