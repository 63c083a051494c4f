"""Where a checkpoint can be handed to: a file, an HTTP address, a time-stamping authority, or code of a site's own.

`file:PATH` appends it, `http(s)://…` posts it, `rfc3161:URL` has it time-stamped (RFC 3161), and `package.module:factory`
names a callable that returns a callable: it takes the signed text and returns a receipt, or raises.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from urllib.parse import urlsplit, urlunsplit

import httpx

from jobs.core.errors import Illegal

TIMEOUT = 10.0
LONGEST = 500  # characters of a receipt that is text

Target = Callable[[str], str]


class NotAnchored(Exception):
    """The place did not take the checkpoint."""


def shown(setting: str) -> str:
    """A target without what may be secret in it: user, password and query of an address."""
    prefix = "rfc3161:" if setting.startswith("rfc3161:") else ""
    address = setting.removeprefix(prefix)
    if not address.startswith(("http://", "https://")):
        return setting[:255]
    parts = urlsplit(address)
    return (prefix + urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))[:255]


def target_of(setting: str) -> Target:
    """The place that a setting names.

    Raises:
        Illegal: it names none.
    """
    form, _, rest = setting.partition(":")
    if setting.startswith(("http://", "https://")):
        return lambda note: _posted(setting, note)
    if form == "file" and rest:
        return lambda note: _appended(rest, note)
    if form == "rfc3161" and rest.startswith(("http://", "https://")):
        return lambda note: _stamped(rest, note)
    if rest.isidentifier() and "/" not in form:
        made: Target = getattr(import_module(form), rest)()
        return made
    raise Illegal(f"AETHERIS['ANCHORS']: {shown(setting)!r} is none of file:PATH, http(s)://…, rfc3161:URL, package.module:factory",
                  code="bad_anchor")  # fmt: skip


def _appended(path: str, note: str) -> str:
    """Append a checkpoint and an empty line, on disk before this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        data = f"{note}\n".encode()
        written = os.write(descriptor, data)  # one write: two processes do not mix their lines
        if written != len(data):
            raise NotAnchored(f"only {written} of {len(data)} bytes were written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return f"{len(data)} bytes"


def _posted(address: str, note: str) -> str:
    answer = _asked(address, note.encode(), "text/plain; charset=utf-8")
    return f"{answer.status_code} {answer.text[:LONGEST]}".strip()


def _asked(address: str, content: bytes, kind: str) -> httpx.Response:
    try:
        answer = httpx.post(address, content=content, headers={"Content-Type": kind}, timeout=TIMEOUT)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAnchored(f"{type(error).__name__}: {error}") from error
    if not answer.is_success:
        raise NotAnchored(f"it answered {answer.status_code}: {answer.text[:LONGEST]}")
    return answer


def _stamped(address: str, note: str) -> str:
    """A time-stamp over the signed text: the authority's answer in base64, as `openssl ts` reads it."""
    try:
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, decode_timestamp_response
    except ImportError as error:
        raise NotAnchored("time-stamps need rfc3161-client: install aetheris-runtime[forensics]") from error
    data = note.encode()
    wish = (
        TimestampRequestBuilder()
        .data(data)
        .hash_algorithm(HashAlgorithm.SHA256)
        .nonce(nonce=True)
        .cert_request(cert_request=True)
    )
    request = wish.build()
    answer = _asked(address, request.as_bytes(), "application/timestamp-query")
    try:
        stamp = decode_timestamp_response(answer.content)
    except ValueError as error:
        raise NotAnchored(f"its answer is no time-stamp: {error}") from error
    if stamp.status not in (0, 1):
        raise NotAnchored(f"it refused with status {stamp.status}: {'; '.join(stamp.status_string)}")
    told = stamp.tst_info
    if told.message_imprint.message != sha256(data).digest() or told.nonce != request.nonce:
        raise NotAnchored("its time-stamp is of something else")
    return b64encode(answer.content).decode()
