"""JSON in and out: within the size limit, strictly read, and always writable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer

from ..conf import conf
from ..core.errors import TooLarge

ENVELOPE = 64 * 1024  # bytes that names, comments and white space around a payload may take


class StrictJSONParser(BaseParser):
    """Refuses what would be read differently by two programs: NaN, infinities, a key given twice."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body as a value.

        Raises:
            TooLarge: over `AETHERIS["MAX_PAYLOAD"]`; nothing was parsed.
            ParseError: no JSON in UTF-8.
        """
        raw = within_limit(stream)
        try:
            return json.loads(
                raw.decode("utf-8"),
                parse_constant=_no_number,
                parse_float=_finite,
                object_pairs_hook=_each_key_once,
            )
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ParseError(f"the body is not JSON: {reason}") from None


def within_limit(stream: IO[Any]) -> bytes:
    """Read a body, but never more than the limit and one byte.

    Raises:
        TooLarge: there is more.
    """
    raw = bytes(stream.read(body_limit() + 1))
    refuse_large(len(raw))
    return raw


def refuse_large(size: int) -> None:
    """Refuse a body by its size. What a payload in it may weigh exactly is judged by the verbs.

    Raises:
        TooLarge: over `AETHERIS["MAX_PAYLOAD"]` and its envelope.
    """
    if size > body_limit():
        most = conf().MAX_PAYLOAD
        raise TooLarge(f"the payload is larger than {most} bytes; store it elsewhere and pass a reference")


def body_limit() -> int:
    return conf().MAX_PAYLOAD + ENVELOPE


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:40]} is too large to be kept")
    return number


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


class JSONAnswer(JSONRenderer):
    """JSON as UTF-8; where a value holds half a surrogate pair, which UTF-8 cannot write, as ASCII escapes."""

    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The answer's bytes."""
        try:
            return super().render(data, accepted_media_type, renderer_context)
        except UnicodeEncodeError:
            return json.dumps(data, allow_nan=False).encode("ascii")
