"""Applying the rules of a profile to one job's events, in their order (pure)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any

from jobs.core.chain import canonical
from ledger.pii import find

from .rules import STRUCTURE, WHOLE, Keys, Rule

GONE = object()

# Digests without salt over contents: whoever knows the rest could try values until one fits. Each is hashed again with
# the key where what it is a digest of has lost something. Of a member: what it is a digest of in the same body.
DIGESTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "command_emitted": {"digest": ("args",)},
    "plan_generated": {"plan_hash": ("plan",)},
    "approval_requested": {"digest": ("question", "shown", "releases")},
}
# Of the job as a whole: as soon as anything was withheld before. The digest of a vote goes with its question's.
LATER_DIGESTS: Mapping[str, tuple[str, ...]] = {"reasoning_snapshot": ("goal", "state_before", "state_after")}


@dataclass(frozen=True)
class Withheld:
    """One thing that was withheld: where (JSON Pointer into the redacted body), how, and what it was."""

    path: str
    how: str
    what: str


@dataclass
class Redactor:
    """Applies a profile to one job's events, in their order.

    Args:
        rules: in order of precedence; of several that hit one value the first counts.
        keys: for hashes and encryption.
        encrypt: AES-256-GCM of key, nonce and text; it comes from outside, so that this module needs no library.
    """

    rules: Sequence[Rule]
    keys: Keys
    encrypt: Callable[[bytes, bytes, bytes], bytes]
    touched: bool = False
    asked: set[str] = field(default_factory=set)

    def body(self, type: str, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[Withheld]]:
        """A body without what the rules withhold.

        Args:
            type: of the event.
            body: with all its parts.

        Returns:
            The redacted copy, and everything that was withheld from it.
        """
        found: list[Withheld] = []
        kept = {name: value for name, value in body.items() if name in STRUCTURE}
        rest = {name: value for name, value in body.items() if name not in STRUCTURE}
        new = kept | self._members(_Place(type), rest, found)
        if isinstance(source := body.get("recalled_from"), Mapping):
            inner = _Place(type, ("recalled_from",), "/recalled_from")
            own = self._members(inner, {"business_key": source.get("business_key")}, found)
            new["recalled_from"] = {**source, "business_key": own.get("business_key")}
        self._digests(type, new, found)
        self.touched = self.touched or bool(found)
        return new, found

    def erased(
        self, body: Mapping[str, Any], kinds: Mapping[int, str]
    ) -> tuple[dict[str, Any], list[Withheld]]:
        """An afterword that says what was erased: what stays legible of each event is redacted as that event.

        Args:
            body: of the afterword, with all its parts.
            kinds: by number, the types of the events that were erased.

        Returns:
            As `body`.
        """
        rest = {name: value for name, value in body.items() if name != "legible"}
        new, found = self.body("payload_erased", rest)
        new["legible"] = []
        for number, (seq, left) in enumerate(zip(body["seq"], body["legible"], strict=True)):
            shown, hit = self._left(kinds.get(seq, ""), left)
            new["legible"].append(shown)
            found += [Withheld(f"/legible/{number}{each.path}", each.how, each.what) for each in hit]
        return new, found

    def _left(self, type: str, left: Mapping[str, Any]) -> tuple[dict[str, Any], list[Withheld]]:
        new, found = self.body(type, left)
        if type == "command_emitted" and any(each.path.split("/")[1] == "args" for each in found):
            new["digest"] = self.digest(digest_left(left.get("args")))  # as the line of the book has it
            found.append(Withheld("/digest", "hash", WHOLE))
        return new, found

    def member(self, type: str, name: str, value: Any, below: tuple[str, ...] = ()) -> tuple[Any, bool]:
        """What the same rules leave of one member of a body that is stored elsewhere too.

        Args:
            type: of the event.
            name: of the member.
            value: it.
            below: the names on the way to it.

        Returns:
            The redacted value, `GONE` if it is removed; and whether any rule hit it.
        """
        found: list[Withheld] = []
        new = self._members(_Place(type, below), {name: value}, found)
        return new.get(name, GONE), bool(found)

    def digest(self, text: str) -> str:
        """A digest, hashed again with the key."""
        return self.keys.mark(WHOLE, "hash", text, self.encrypt)

    def _digests(self, type: str, new: dict[str, Any], found: list[Withheld]) -> None:
        lost = {each.path.split("/")[1] for each in found}
        again = [name for name, of in DIGESTS.get(type, {}).items() if lost & set(of)]
        if self.touched or found:
            again += LATER_DIGESTS.get(type, ())
        if type == "approval_requested" and again and new.get("digest"):
            self.asked.add(new["approval"])
        if type == "approval_decided" and new["approval"] in self.asked:
            again.append("digest")
        hit = {each.path for each in found}
        for name in again:
            if (
                isinstance(new.get(name), str) and new[name] and f"/{name}" not in hit
            ):  # none of what is erased
                new[name] = self.digest(new[name])
                found.append(Withheld(f"/{name}", "hash", WHOLE))

    def _members(self, place: _Place, value: Mapping[str, Any], found: list[Withheld]) -> dict[str, Any]:
        new: dict[str, Any] = {}
        for name in sorted(value):
            written, told = self._text(place.type, name, "")
            number, distinct = 1, written
            while told and (distinct in new or distinct in value):  # two names that become equal keep apart
                number += 1
                distinct = f"{written}#{number}"
            below = place.at(name, distinct, name)
            found += [Withheld(below.pointer, how, kind) for how, kind in told]
            erased = (
                name == "erased" and value[name] is True
            )  # a mark: nobody could tell gone from never said
            rule = None if erased else self._rule(below)
            if rule is None or rule.how != "remove":
                new[distinct] = self._one(below, rule, value[name], found)
            else:
                found.append(Withheld(below.pointer, "remove", WHOLE))
        return new

    def _items(self, place: _Place, values: Sequence[Any], found: list[Withheld]) -> list[Any]:
        new: list[Any] = []
        for index, item in enumerate(values):
            below = place.at(str(index), str(index), place.name)
            rule = self._rule(below)
            if rule is not None and rule.how == "remove":  # null, so that the others keep their places
                found.append(Withheld(below.pointer, "remove", WHOLE))
                new.append(None)
            else:
                new.append(self._one(below, rule, item, found))
        return new

    def _one(self, place: _Place, rule: Rule | None, value: Any, found: list[Withheld]) -> Any:
        if rule is not None:
            found.append(Withheld(place.pointer, rule.how, WHOLE))
            return self.keys.mark(WHOLE, rule.how, value, self.encrypt)
        if isinstance(value, Mapping):
            return self._members(place, value, found)
        if isinstance(value, (list, tuple)):
            return self._items(place, value, found)
        is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20
        if not isinstance(value, str) and not is_number:
            return value
        text, told = self._text(place.type, str(value), place.name)
        found += [Withheld(place.pointer, how, kind) for how, kind in told]
        return text if told else value

    def _text(self, type: str, text: str, name: str) -> tuple[str, list[tuple[str, str]]]:
        """A text without the personal data that the rules name, and how which kinds were withheld."""
        rules = self._detecting(type)
        if not rules:
            return text, []
        pieces, last, told = [], 0, set()
        for each in find(text, name=name):
            rule = rules.get(each.kind)
            if rule is None:
                continue
            mark = self.keys.mark(each.kind, rule.how, text[each.start : each.end], self.encrypt)
            pieces += [text[last : each.start], mark]
            last = each.end
            told.add((rule.how, each.kind))
        return "".join([*pieces, text[last:]]), sorted(told)

    def _rule(self, place: _Place) -> Rule | None:
        return next((each for each in self.rules if each.path and place.hit_by(each)), None)

    def _detecting(self, type: str) -> dict[str, Rule]:
        rules: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.detector and rule.on in ("*", type):
                rules.setdefault(rule.detector, rule)
        return rules


def digest_left(args: Any) -> str:
    """The digest that the book keeps of arguments that were erased: none, but where a business key stands for them."""
    if isinstance(args, Mapping) and args.get("erased") is True:
        return str(args.get("sha256", ""))
    return sha256(canonical(args).encode("ascii")).hexdigest()


@dataclass(frozen=True)
class _Place:
    """Where a value stands: its names as rules see them, and its pointer as it is written.

    `name`: under which the value stands, for the detectors; items of a list stand under the list's.
    """

    type: str
    names: tuple[str, ...] = ()
    pointer: str = ""
    name: str = ""

    def at(self, step: str, written: str, name: str) -> _Place:
        """One step further down."""
        token = written.replace("~", "~0").replace("/", "~1")
        return _Place(self.type, (*self.names, step), f"{self.pointer}/{token}", name)

    def hit_by(self, rule: Rule) -> bool:
        """Whether a rule of a path means exactly this place."""
        return rule.on in ("*", self.type) and _fits(rule.path.lower().split("."), self.names)


def _fits(pattern: Sequence[str], names: Sequence[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_fits(pattern[1:], names[start:]) for start in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0].lower(), pattern[0]) and _fits(pattern[1:], names[1:])
