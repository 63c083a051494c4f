"""Attachments of approvals, by reference: what is shown names a file with its size and digest, and the digest binds it.

`{"$attachment": {"name": …, "media_type": …, "size": …, "sha256": …, "uri": …}}` anywhere in what an approval shows. A
`storage:PATH` lies in Django's storage (`STORAGES["attachments"]`, else `default`): it is handed out only if it is still what
was shown. Anything else is a reference that people compare themselves.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import InvalidStorageError, Storage, storages

from .core.errors import Stale

if TYPE_CHECKING:
    from .models import Approval

MEMBER = "$attachment"
INSIDE = "storage:"
PIECE = 1024 * 1024
MOST = 50  # attachments of one approval
SAME, CHANGED, MISSING, ELSEWHERE = "same", "changed", "missing", "elsewhere"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Attachment:
    """A file that an approval shows.

    Args:
        name: as people know it.
        media_type: what its author says that it is.
        size: bytes.
        sha256: of its bytes.
        uri: where it is.
    """

    name: str
    media_type: str
    size: int
    sha256: str
    uri: str

    @property
    def inside(self) -> bool:
        """Whether it lies in a storage of ours."""
        return self.uri.startswith(INSIDE)


def attachment(
    uri: str, *, name: str = "", media_type: str = "", size: int | None = None, digest: str = ""
) -> dict[str, Any]:
    """A reference to show in an approval. Called in a tool: it reads the file.

    Args:
        uri: `storage:PATH`, or an address elsewhere, whose `size` and `digest` (SHA-256) the caller knows.
        name: how people know it; the end of its address unless told.
        media_type: guessed from the name unless told.

    Raises:
        FileNotFoundError: there is no such file. ValueError: size or digest of a file elsewhere is missing.
    """
    name = name or uri.rpartition("/")[2].removeprefix(INSIDE)
    if uri.startswith(INSIDE):
        size, digest = _measured(uri.removeprefix(INSIDE))
    if size is None or not _DIGEST.fullmatch(digest):
        raise ValueError(f"{uri} lies elsewhere: give its size and its SHA-256 in hexadecimal")
    kind = media_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {MEMBER: asdict(Attachment(name, kind, size, digest, uri))}


def _storage() -> Storage:
    try:
        return storages["attachments"]
    except InvalidStorageError:
        return storages["default"]


def _measured(path: str) -> tuple[int, str]:
    sum, size = sha256(), 0
    with _storage().open(path) as file:
        while piece := file.read(PIECE):
            sum.update(piece)
            size += len(piece)
    return size, sum.hexdigest()


def attachments_of(approval: Approval) -> list[Attachment]:
    """What an approval shows as attachments, in the order of its text."""
    return list(_found(json.loads(approval.shown)))[:MOST] if MEMBER in approval.shown else []


def _found(value: Any) -> Iterator[Attachment]:
    if isinstance(value, dict):
        told = value.get(MEMBER)
        if len(value) == 1 and isinstance(told, dict) and (made := _read(told)):
            yield made
            return
        for key in sorted(value):
            yield from _found(value[key])
    elif isinstance(value, list):
        for each in value:
            yield from _found(each)


def _read(told: dict[str, Any]) -> Attachment | None:
    try:
        made = Attachment(**told)
    except TypeError:
        return None
    texts = (made.name, made.media_type, made.sha256, made.uri)
    whole = isinstance(made.size, int) and not isinstance(made.size, bool)
    fits = whole and all(isinstance(each, str) for each in texts) and _DIGEST.fullmatch(made.sha256)
    return made if fits else None


def state_of(shown: Attachment) -> str:
    """same, changed, missing; or elsewhere, where nobody here can tell."""
    if not shown.inside:
        return ELSEWHERE
    try:
        found = _measured(shown.uri.removeprefix(INSIDE))
    except (OSError, SuspiciousOperation):
        return MISSING
    return SAME if found == (shown.size, shown.sha256) else CHANGED


def content(approval: Approval, number: int) -> tuple[Attachment, bytes] | None:
    """The bytes of one attachment, counted from 0; None where there is none of ours.

    Raises:
        Stale: it is not what was shown any more.
    """
    shown = attachments_of(approval)
    if not 0 <= number < len(shown) or not shown[number].inside:
        return None
    one = shown[number]
    try:
        with _storage().open(one.uri.removeprefix(INSIDE)) as file:
            body: bytes = file.read(one.size + 1)
    except (OSError, SuspiciousOperation):
        body = b""
    if len(body) != one.size or sha256(body).hexdigest() != one.sha256:
        raise _stale(approval, one)
    return one, body


def refuse_changed(approval: Approval) -> None:
    """Refuse to approve what is not what was shown any more. Raises Stale, naming the file."""
    for each in _found(json.loads(approval.shown)):  # of more than are listed, too
        if state_of(each) in (CHANGED, MISSING):
            raise _stale(approval, each)


def _stale(approval: Approval, one: Attachment) -> Stale:
    return Stale(
        f"attachment {one.name!r} of approval {approval.id} is not the file that was shown any more (SHA-256 {one.sha256}); "
        "it cannot be approved: reject it, or have the job ask again",
        code="attachment_changed",
    )


def attachments_json(approval: Approval, *, looked_at: bool) -> list[dict[str, Any]]:
    """Attachments as clients see them; their state only where each file may be looked at."""
    return [
        {
            **asdict(each),
            "state": state_of(each) if looked_at else None,
            "path": f"/api/approvals/{approval.id}/attachments/{number}" if each.inside else None,
        }
        for number, each in enumerate(attachments_of(approval))
    ]
