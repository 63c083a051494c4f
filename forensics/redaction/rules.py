"""Rules: what is withheld from a copy of an event's body, by rule, and how (pure).

A rule names an event type (or `*`) and either a dotted path, in which `*` is any one name and `**` any number of them,
or a kind of personal data that `ledger.pii` finds in texts. What it hits is written as a mark that says what was done:
`[withheld hash 5e1f…]`, `[withheld mask]`, `[withheld encrypt …]`, and inside texts `[email hash 5e1f…]`; a member that
is removed is gone. Names of a path are compared without case, and may hold `*` and `?` themselves.

What makes an event what it is (which call, which attempt, which decision) is never withheld: without it the ledger
could not be derived from the events any more. Nor is the mark `erased`; what stays legible of an erased body is redacted
as the event that it was.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from jobs.core.chain import canonical
from ledger.pii import KINDS

HOWS = ("hash", "mask", "remove", "encrypt")
WHOLE = "withheld"
ASSOCIATED = b"aetheris.withheld.v1"

# Members of a body without which nobody could say what the event is. No rule reaches into them.
STRUCTURE = frozenset(
    "approval at attempt call command compensates copied count deadline decision digest effect fence four_eyes generation "
    "holds how invocation job key kind on_timeout outcome digests plan_hash probe probes quorum reason requires retry schema "
    "seconds seq settled_as size source status step_outcome tenant timed_out tool verdict version wake_at".split()
) | {"recalled_from", "agent", "origin", "priority", "$blobs"}  # fmt: skip


class BadRule(ValueError):
    """A rule that cannot be meant; the message says why."""


@dataclass(frozen=True)
class Rule:
    """What is withheld, and how.

    Args:
        how: hash, mask, remove or encrypt.
        path: dotted path of whole values, from the body down; empty for a rule of a detector.
        detector: kind of personal data inside texts; empty for a rule of a path.
        on: event type, or `*`.
    """

    how: str
    path: str = ""
    detector: str = ""
    on: str = "*"

    def __post_init__(self) -> None:
        if self.how not in HOWS:
            raise BadRule(f"{self.how!r} is no way to withhold: use one of {', '.join(HOWS)}")
        if bool(self.path) == bool(self.detector):
            raise BadRule("a rule has either a path or a detector")
        if self.detector and self.detector not in KINDS:
            raise BadRule(f"there is no detector {self.detector!r}; known are {', '.join(KINDS)}")
        if self.path and not all(self.path.split(".")):
            raise BadRule(f"{self.path!r} is no dotted path, such as goal.customer.email or **.email")


def _rules(how: str, detectors: str, names: str) -> list[Rule]:
    return [Rule(how, detector=each) for each in detectors.split()] + [
        Rule(how, path=f"**.{name}") for name in names.split()
    ]


BUILT_IN: Mapping[str, tuple[Rule, ...]] = {
    "none": (),
    "default": (
        *_rules(
            "remove",
            "",
            "api_key apikey api-key *_api_key token *_token password passwd *_password secret *_secret",
        ),
        *_rules("mask", "ssn credit_card", "ssn social_security_number credit_card card_number"),
        *_rules("hash", "email phone", "email *_email e-mail phone *_phone phone_number"),
    ),
}


@dataclass(frozen=True)
class Keys:
    """The keys of a redaction.

    Args:
        hash: of the keyed hash; equal values stay equal under one key, and nobody without it can try values.
        encrypt: 32 bytes; None where nothing is to be encrypted.
    """

    hash: bytes = field(repr=False)
    encrypt: bytes | None = field(default=None, repr=False)

    def mark(self, what: str, how: str, value: Any, encrypt: Callable[[bytes, bytes, bytes], bytes]) -> str:
        """What stands where the value stood.

        Args:
            what: `withheld`, or the kind of data found in a text.
            how: hash, mask, remove or encrypt.
            value: that is withheld.
            encrypt: AES-256-GCM of key, nonce and text.
        """
        text = canonical(value).encode("ascii")
        if how == "hash":
            return f"[{what} hash {hmac.new(self.hash, text, sha256).hexdigest()}]"
        if how == "encrypt":
            if self.encrypt is None:
                raise BadRule("the profile encrypts, and no encryption key was given")
            # Synthetic: two equal values under one key give one text, two others never share a nonce.
            nonce = hmac.new(hmac.new(self.encrypt, b"nonce", sha256).digest(), text, sha256).digest()[:12]
            sealed = nonce + encrypt(self.encrypt, nonce, text)
            return f"[{what} encrypt {base64.b64encode(sealed).decode()}]"
        return f"[{what} {how}]"
