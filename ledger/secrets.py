"""Secrets that stand where they do not belong: known shapes, found by place and name, never repeated (pure).

A hit says where and what shape, never the value. Two kinds of evidence: a shape that only a credential has (`AKIA…`,
`ghp_…`, a private key in PEM), and a value that stands under a name such as `password` or `api_key`. The shapes are
those that the issuers document. Every pattern is bounded and begins at a fixed text, so the time is linear.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ledger.canonical import canonical


@dataclass(frozen=True, slots=True)
class Hit:
    """A secret at a place of a JSON value: `pointer` is a JSON Pointer (RFC 6901), `shape` says what it looks like."""

    pointer: str
    shape: str


_B = r"(?<![A-Za-z0-9_])"
_E = r"(?![A-Za-z0-9_])"
# Group 1 is the secret itself; without one it is the whole match.
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private_key",
        re.compile(
            r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[^-]{0,16384}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
    ("aws_access_key", re.compile(_B + r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" + _E)),
    ("github_token", re.compile(_B + r"(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{40,251})" + _E)),
    ("gitlab_token", re.compile(_B + r"glpat-[A-Za-z0-9_-]{20,64}(?![A-Za-z0-9_-])")),
    ("slack_token", re.compile(_B + r"xox[abeoprs]-[A-Za-z0-9-]{10,250}(?![A-Za-z0-9-])")),
    ("slack_webhook", re.compile(r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,200}")),
    ("stripe_key", re.compile(_B + r"(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,247}|whsec_[A-Za-z0-9+/=]{24,128})" + _E)),
    ("model_api_key", re.compile(_B + r"sk-(?=[A-Za-z0-9_-]{0,250}[0-9])(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{20,250}(?![A-Za-z0-9_-])")),
    ("google_api_key", re.compile(_B + r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),
    ("google_oauth", re.compile(_B + r"(?:ya29\.[A-Za-z0-9_-]{20,512}|GOCSPX-[A-Za-z0-9_-]{28})(?![A-Za-z0-9_-])")),
    ("npm_token", re.compile(_B + r"npm_[A-Za-z0-9]{36}" + _E)),
    ("pypi_token", re.compile(_B + r"pypi-AgE[A-Za-z0-9_-]{50,512}")),
    ("sendgrid_key", re.compile(_B + r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}(?![A-Za-z0-9_-])")),
    ("huggingface_token", re.compile(_B + r"hf_[A-Za-z0-9]{30,64}" + _E)),
    (
        "jwt",
        re.compile(_B + r"eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,8192}\.[A-Za-z0-9_-]{16,2048}(?![A-Za-z0-9_-])"),
    ),
    ("bearer_token", re.compile(r"(?i)" + _B + r"bearer[ \t]{1,4}((?=[^ ]{0,200}[0-9])[A-Za-z0-9._~+/-]{20,4096}={0,2})")),
    ("basic_auth", re.compile(r"(?i)" + _B + r"authorization[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?basic[ \t]{1,4}([A-Za-z0-9+/]{8,1024}={0,2})")),
    ("url_password", re.compile(r"://[^\s/?#:@\"'<>]{0,128}:([^\s/?#@\"'<>]{1,256})@")),
    (
        "assigned_secret",
        re.compile(
            r"(?i)(?<![a-z0-9])(?:[a-z0-9]{1,32}[_-]){0,3}(?:password|passwd|pwd|passphrase|secret|api[_-]?key|apikey|access[_-]?key"
            r"|secret[_-]?key|private[_-]?key|client[_-]?secret|auth[_-]?token|access[_-]?token|refresh[_-]?token)"
            r"[\"']?[ \t]{0,4}(?:=|:|:=|=>)[ \t]{0,4}[\"']?([^\s\"'<>,;&]{8,512})"
        ),
    ),
)  # fmt: skip
# What every text with a hit contains; one fast look spares nearly all texts the patterns.
_TRIGGER = re.compile(
    r"-----BEGIN |A[KSBC][ICS]A|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hooks\.slack|[sr]k_(?:live|test)|whsec_|sk-"
    r"|AIza|ya29\.|GOCSPX-|npm_|pypi-AgE|SG\.|hf_|eyJ|[Bb][Ee][Aa][Rr][Ee][Rr]|[Bb][Aa][Ss][Ii][Cc]|://|[Pp][Aa][Ss][Ss]|[Pp][Ww][Dd]"
    r"|[Ss][Ee][Cc][Rr][Ee][Tt]|[Kk][Ee][Yy]|[Tt][Oo][Kk][Ee][Nn]|[Cc][Rr][Ee][Dd]"
)
# What every text with a trigger contains, in small letters, by a character that all of a group have: plain searches for
# a few of them take a tenth of the time of the pattern.
_CONTAINED = (
    (
        "_",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "k_live", "k_test", "whsec_", "npm_", "hf_"),
    ),
    ("-", ("-----begin ", "glpat-", "xox", "sk-", "gocspx-", "pypi-age")),
    (".", ("hooks.slack", "ya29.", "sg.")),
    ("", ("aiza", "eyj", "bearer", "basic", "://", "pass", "pwd", "secret", "key", "token", "cred")),
)
_CAPITALS = ("IA", "CA", "SA")  # of a key of AWS, as it is written
_NAMES = re.compile(
    r"(?:.{0,64}_)?(?:password|passwd|pwd|passphrase|secret|secrets?_?(?:key|value|token)?|api_?key|access_?key|secret_?access_?key"
    r"|private_?key|signing_?key|client_?secret|auth_?token|access_?token|refresh_?token|bearer_?token|api_?token|credentials?)"
)
_WRITTEN_INSTEAD = re.compile(
    r"(?i)(?:[*x.•_-]{3,}|<.*>|\$?\{.*\}|%.*%|\[masked:.*|\[.*\]|\$[A-Z_]+|(?:none|null|undefined|redacted|masked|hidden|removed|example|placeholder"
    r"|changeme|change-me|your[-_ ].*|not[-_ ]set|unknown|required|invalid|missing|string))"
)
_MARK = "[masked:{}]"
ROUNDS = 20
ENTROPY = 2.5  # bits per character under which a text is rather a word that is repeated
IN_PROSE = (
    3.0  # the same in running text, where "secret:" may stand before any word; a digit is asked for as well
)


def entropy(text: str) -> float:
    """Shannon's entropy of a text in bits per character, of its own letters."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def _random(value: str, least: float = ENTROPY) -> bool:
    """Whether a value under a telling name may be the secret itself: no placeholder, no word, no sentence."""
    if not 8 <= len(value) <= 4096 or _WRITTEN_INSTEAD.fullmatch(value) or any(c.isspace() for c in value):
        return False
    if least > ENTROPY and not any(c.isdigit() for c in value):
        return False
    kinds = sum(any(test(c) for c in value) for test in (str.isdigit, str.isupper, str.islower)) + any(
        not c.isalnum() for c in value
    )
    return kinds >= 2 and entropy(value) >= least


def _secret_name(name: str) -> bool:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]", "_", name[:80]).lower()
    return _NAMES.fullmatch(snake) is not None


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    for shape, pattern in _SHAPES:
        for match in pattern.finditer(text):
            group = 1 if pattern.groups else 0
            found = match[group]
            if shape == "assigned_secret" and not _random(found, IN_PROSE):
                continue
            if shape in ("url_password", "bearer_token", "basic_auth") and _WRITTEN_INSTEAD.fullmatch(found):
                continue
            yield match.start(group), match.end(group), shape


def suspicious(text: str) -> bool:
    """Whether a text is worth a scan: a fast look that is never wrong in saying no."""
    small = text.lower()
    found = any(each in text for each in _CAPITALS) or any(
        common in small and any(each in small for each in group) for common, group in _CONTAINED
    )
    return found and _TRIGGER.search(text) is not None


def shapes_in(text: str) -> tuple[str, ...]:
    """The shapes of secrets in a text, each once, by position."""
    if not suspicious(text):
        return ()
    return tuple(dict.fromkeys(shape for _, _, shape in sorted(_spans(text))))


def mask_text(text: str) -> str:
    """The text with `[masked:shape]` in the place of every secret; the rest stays as it is."""
    for _ in range(ROUNDS):  # what stood directly beside a secret may be one, seen only once that is gone
        spans = sorted(_spans(text), key=lambda span: (span[0], -span[1])) if suspicious(text) else []
        if not spans:
            break
        text = _without(text, spans)
    return text


def _without(text: str, spans: list[tuple[int, int, str]]) -> str:
    parts, last = [], 0
    for start, end, shape in spans:
        if end <= last:
            continue
        if start >= last:
            parts += [text[last:start], _MARK.format(shape)]
        last = end  # two that overlap become one mark
    return "".join([*parts, text[last:]])


def scan(value: Any, *, pointer: str = "") -> tuple[Hit, ...]:
    """Find secrets in a JSON value.

    Args:
        value: a JSON value.
        pointer: where it stands.

    Returns:
        Hits in the order of the canonical text; none of them repeats what it found.
    """
    return masked(value, pointer=pointer)[1]


def masked(value: Any, *, pointer: str = "", text: str | None = None) -> tuple[Any, tuple[Hit, ...]]:
    """The value with `[masked:shape]` in the place of every secret, and what was found; without any, the value itself.

    Args:
        value: a JSON value.
        pointer: where it stands.
        text: its canonical text, where that is known.
    """
    try:
        if not suspicious(value if isinstance(value, str) else canonical(value) if text is None else text):
            return value, ()
    except (TypeError, ValueError, RecursionError):
        return value, ()  # no JSON: whoever stores it says so
    hits: list[Hit] = []
    new = _masked(value, pointer, "", hits)
    return (new, tuple(hits)) if hits else (value, ())


def _masked(value: Any, pointer: str, name: str, hits: list[Hit]) -> Any:
    if isinstance(value, str):
        return _masked_text(value, pointer, name, hits)
    if isinstance(value, Mapping):
        return _masked_members(value, pointer, hits)
    if isinstance(value, (list, tuple)):
        return [_masked(item, f"{pointer}/{index}", name, hits) for index, item in enumerate(value)]
    return value


def _masked_text(text: str, pointer: str, name: str, hits: list[Hit]) -> str:
    shapes = shapes_in(text)
    hits += [Hit(pointer, shape) for shape in shapes]
    clean = mask_text(text) if shapes else text
    if name and _random(clean) and _secret_name(name):  # also where a known shape was only a part of it
        hits.append(Hit(pointer, "named_secret"))
        return _MARK.format("named_secret")
    return clean


def _masked_members(value: Mapping[str, Any], pointer: str, hits: list[Hit]) -> dict[str, Any]:
    new: dict[str, Any] = {}
    for index, key in enumerate(sorted(value)):
        shapes = shapes_in(key)
        # A name that is a secret is told by its number: the pointer must not repeat it.
        below = f"{pointer}/{f'#{index}' if shapes else key.replace('~', '~0').replace('/', '~1')}"
        hits += [Hit(below, shape) for shape in shapes]
        kept = mask_text(key) if shapes else key
        while kept in new:
            kept += "'"
        name = "" if key == "$secret" else key if _secret_name(key) else kept  # as read now, or as read again
        new[kept] = _masked(value[key], below, name, hits)
    return new
