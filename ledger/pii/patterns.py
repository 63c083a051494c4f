"""What personal data looks like: the forms, and what the checks of their digits say."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

Span = tuple[int, int, float]
Judge = Callable[[re.Match[str]], Span | None]

KINDS = (
    "credit_card", "iban", "ssn", "email", "ip_address", "date_of_birth", "phone", "address", "passport",
    "driver_license",
)  # fmt: skip
_NOT_IN_WORD = r"(?<![A-Za-z0-9])"
_WORD_ENDS = r"(?![A-Za-z0-9])"
_DAY = (
    r"(?:(?:19|20)[0-9]{2}[-/.](?:0?[1-9]|1[0-2])[-/.](?:3[01]|[12][0-9]|0?[1-9])"
    r"|(?:3[01]|[12][0-9]|0?[1-9])[-/.](?:3[01]|[12][0-9]|0?[1-9])[-/.](?:19|20)[0-9]{2}"
    r"|(?:3[01]|[12][0-9]|0?[1-9])\.? (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6},? (?:19|20)[0-9]{2}"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6} (?:3[01]|[12][0-9]|0?[1-9]),? (?:19|20)[0-9]{2})"
)
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Pl|Square|Sq|Terrace|Ter"
    r"|Parkway|Pkwy|Highway|Hwy|Circle|Cir)"
)
_NUMBERED = r"(?:[ \t]{0,2}(?:number|num|no|nr|id)\b\.?)?[ \t]{0,2}[:#=]?[ \t]{0,2}"
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26, "IT": 27,
    "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24,
    "SA": 24, "SE": 24, "SI": 19, "SK": 24, "TR": 26,
}  # fmt: skip


def _luhn(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(match: re.Match[str]) -> Span | None:
    digits = re.sub(r"[^0-9]", "", match[1])
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1 or not _luhn(digits):
        return None
    return match.start(1), match.end(1), 0.95


def _iban(match: re.Match[str]) -> Span | None:
    length = _IBAN_LENGTHS.get(match[1][:2])
    if length is None:
        return None
    places = [index for index, char in enumerate(match[1]) if char != " "][:length]
    if len(places) < length:
        return None
    written = "".join(match[1][index] for index in places)
    if int("".join(str(int(char, 36)) for char in written[4:] + written[:4])) % 97 != 1:
        return None
    end = match.start(1) + places[-1] + 1
    if end < len(match.string) and match.string[end].isalnum():
        return None
    return match.start(1), end, 0.95


def _address(match: re.Match[str]) -> Span | None:
    try:
        address = ipaddress.ip_address(match[1])
    except ValueError:
        return None
    if address.version == 6 and not any(char.isdigit() for char in match[1]):
        return None  # `dead::beef` in a program is more often a name
    return match.start(1), match.end(1), 0.9 if address.version == 4 or match[1].count(":") == 7 else 0.7


def _dialled(match: re.Match[str]) -> Span | None:
    digits = sum(char.isdigit() for char in match[1])
    return (match.start(1), match.end(1), 0.85) if 8 <= digits <= 15 else None


def _sure(confidence: float) -> Judge:
    return lambda match: (match.start(1), match.end(1), confidence)


# A pattern's group 1 is what was found. A lookahead around it lets the search go on inside what was refused.
PATTERNS: tuple[tuple[str, re.Pattern[str], Judge], ...] = (
    (
        "credit_card",
        re.compile(
            _NOT_IN_WORD + r"(?=((?:[0-9]{4}([ -]?)[0-9]{4}\2[0-9]{4}\2[0-9]{1,7}"
            r"|3[47][0-9]{2}([ -]?)[0-9]{6}\3[0-9]{5}))" + _WORD_ENDS + ")[0-9]"
        ),
        _card,
    ),
    (
        "iban",
        re.compile(_NOT_IN_WORD + r"(?=([A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?))[A-Z]"),
        _iban,
    ),
    (
        "ssn",
        re.compile(
            r"(?<![A-Za-z0-9-])((?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\2(?!0000)[0-9]{4})(?![A-Za-z0-9]|-[0-9])"
        ),
        _sure(0.9),
    ),
    (
        "ssn",
        re.compile(
            r"(?i)" + _NOT_IN_WORD + r"(?:ssn|social security)" + _NUMBERED + r"([0-9]{9})" + _WORD_ENDS
        ),
        _sure(0.8),
    ),
    (
        "email",
        re.compile(
            r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})(?![A-Za-z0-9-])"
        ),
        _sure(0.95),
    ),
    (
        "ip_address",
        re.compile(r"(?<![\w.])([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![A-Za-z0-9_]|\.[0-9])"),
        _address,
    ),
    (
        "ip_address",
        re.compile(r"(?<![\w:.])([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3})(?![\w:])"),
        _address,
    ),
    (
        "date_of_birth",
        re.compile(
            r"(?i)"
            + _NOT_IN_WORD
            + r"(?:date of birth|birth ?date|birthday|d\.?o\.?b\.?|born(?: on)?)[ \t]{0,2}[:=]?[ \t]{0,2}("
            + _DAY
            + ")(?![0-9])"
        ),
        _sure(0.9),
    ),
    ("date_of_birth", re.compile(r"(?<![0-9A-Za-z/.-])(" + _DAY + r")(?![0-9]|[-/][0-9])"), _sure(0.3)),
    (
        "phone",
        re.compile(r"(?<![\w+])(\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,14}\)?){1,6})(?![0-9])"),
        _dialled,
    ),
    (
        "phone",
        re.compile(
            r"(?<![\w+.-])((?:1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-])[0-9]{3}[ .-][0-9]{4})(?![A-Za-z0-9]|-[0-9])"
        ),
        _sure(0.8),
    ),
    (
        "phone",
        re.compile(
            r"(?i)"
            + _NOT_IN_WORD
            + r"(?:phone|telephone|tel|mobile|cell|fax)"
            + _NUMBERED
            + r"(\(?[0-9](?:[ .()/-]{0,2}[0-9]){6,13})"
            + _WORD_ENDS
        ),
        _dialled,
    ),
    (
        "address",
        re.compile(
            _NOT_IN_WORD
            + r"([0-9]{1,6}[A-Za-z]? (?:[A-Z0-9][\w'.-]{0,30} ){1,5}"
            + _STREET
            + r"\b\.?(?:,? (?:Apt|Suite|Unit|Ste)\.? ?#?[0-9A-Za-z]{1,6})?"
            + r"(?:, [A-Z][\w .'-]{1,40}?,? [A-Z]{2} [0-9]{5}(?:-[0-9]{4})?)?)(?!\w)"
        ),
        _sure(0.75),
    ),
    (
        "passport",
        re.compile(
            r"(?i)"
            + _NOT_IN_WORD
            + r"passport"
            + _NUMBERED
            + r"((?=[A-Z0-9]{0,8}[0-9])[A-Z0-9]{6,9})"
            + _WORD_ENDS
        ),
        _sure(0.85),
    ),
    ("passport", re.compile(_NOT_IN_WORD + r"([A-Z]{1,2}[0-9]{6,8})" + _WORD_ENDS), _sure(0.3)),
    (
        "driver_license",
        re.compile(
            r"(?i)"
            + _NOT_IN_WORD
            + r"(?:driver'?s?|driving) licen[cs]e"
            + _NUMBERED
            + r"((?=[A-Z0-9-]{0,15}[0-9])[A-Z0-9](?:-?[A-Z0-9]){4,15})"
            + _WORD_ENDS
        ),
        _sure(0.85),
    ),
    (
        "driver_license",
        re.compile(_NOT_IN_WORD + r"([A-Z][0-9]{7,14}|[A-Z][0-9]{3}-[0-9]{4}-[0-9]{4})" + _WORD_ENDS),
        _sure(0.3),
    ),
)

# What the name of a member says of its whole value: name, kind, form of the value.
BY_NAME: tuple[tuple[re.Pattern[str], str, re.Pattern[str]], ...] = (
    (re.compile(r"(?:ssn|social_?security(?:_?number)?)"), "ssn", re.compile(r"[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}")),
    (
        re.compile(r"(?:.{0,40}_)?(?:dob|date_?of_?birth|birth_?(?:date|day)|born)"),
        "date_of_birth",
        re.compile(_DAY),
    ),
    (
        re.compile(r"(?:.{0,40}_)?(?:phone|telephone|tel|mobile|cell|fax)(?:_?(?:number|no))?s?"),
        "phone",
        re.compile(r"\+?[0-9(](?:[ .()/-]{0,2}[0-9]){6,14}"),
    ),
    (
        re.compile(r"(?:(?:home|street|postal|mailing|billing|shipping|delivery)_?)?(?:address|street)(?:es)?(?:_?(?:line)?_?[0-9])?"),
        "address",
        re.compile(r"(?s)(?=[^0-9]{0,200}[0-9])(?=.{0,200}\s).{6,300}"),
    ),
    (re.compile(r"passport(?:_?(?:number|no|id))?"), "passport", re.compile(r"[A-Za-z0-9]{6,9}")),
    (
        re.compile(r"(?:driver_?s?|driving)_?licen[cs]e(?:_?(?:number|no|id))?"),
        "driver_license",
        re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){4,15}"),
    ),
)  # fmt: skip
