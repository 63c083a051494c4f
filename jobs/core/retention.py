"""How long jobs are kept after their end, and what becomes of them then: policies as settings say them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .names import PlanError, seconds

FOR_EVER = "forever"
THENS = ("prune", "erase")
CHOICES = ("agent", "tag", "status")
ENDED = ("completed", "failed", "cancelled")
KEYS = frozenset({*CHOICES, "keep", "archive", "then", "preset", "basis"})
NOTICE = "A preset is a starting point, no certification and no legal advice: have the terms checked for your case."


@dataclass(frozen=True, slots=True)
class Preset:
    """Terms that bear a name: how long, what then, and with which profile of redaction packages are made for others.

    Args:
        name: as settings refer to it.
        version: of these terms.
        keep: a duration, or for ever.
        then: prune or erase.
        archived: whether a package must be written first.
        redaction: name of the profile of redaction that goes with it; settings define it.
        basis: the ground that stands in tombstones and afterwords.
        rules: what it is made of, in words.
    """

    name: str
    version: str
    keep: str
    then: str
    archived: bool
    redaction: str
    basis: str
    rules: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As the API and the command line show it."""
        return {
            "name": self.name, "version": self.version, "keep": self.keep, "then": self.then, "archived": self.archived,
            "redaction": self.redaction, "basis": self.basis, "rules": list(self.rules), "notice": NOTICE,
        }  # fmt: skip


PRESETS: Mapping[str, Preset] = {
    each.name: each
    for each in (
        Preset(
            "gdpr", "1", "180d", "erase", False, "pii",
            "Art. 5 (1) (e) and 17 Regulation (EU) 2016/679",
            ("bodies are erased 180 days after the end of a job; the chain, statuses and outcomes stay",
             "earlier on request: aetheris erase", "a legal hold beats both"),
        ),
        Preset(
            "sox", "1", "2557d", "prune", True, "none",
            "18 U.S.C. 1520 and 17 CFR 210.2-06: records of audit work are kept for seven years",
            ("a job is archived as an evidence package and pruned seven years after its end",
             "a signed tombstone stays", "a legal hold beats it"),
        ),
        Preset(
            "hipaa", "1", "2192d", "prune", True, "pii",
            "45 CFR 164.316 (b) (2): documentation is kept for six years",
            ("a job is archived as an evidence package and pruned six years after its end",
             "a signed tombstone stays", "packages for others are made with the profile that hides personal data"),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy; the first that fits a job holds.

    Args:
        agent, tag, status: which jobs; None: any.
        keep: seconds after the end; None: for ever.
        archive: the folder for packages; None: none is written.
        then: what becomes of the job.
        basis: the ground that is noted.
        preset: the name and version of the preset it was made of.
        said: its terms in one line, as tombstones name it.
    """

    agent: str | None
    tag: str | None
    status: str | None
    keep: float | None
    archive: str | None
    then: str
    basis: str
    preset: str
    said: str

    def fits(self, agent: str, tags: Collection[str], status: str) -> bool:
        """Whether it is about a job."""
        asked = ((self.agent, {agent}), (self.tag, tags), (self.status, {status}))
        return all(wanted is None or wanted in given for wanted, given in asked)

    def to_json(self) -> dict[str, Any]:
        """As the API and the command line show it."""
        return {
            "agent": self.agent, "tag": self.tag, "status": self.status, "keep": self.keep, "archive": self.archive,
            "then": self.then, "basis": self.basis, "preset": self.preset, "said": self.said,
        }  # fmt: skip


def policies(given: Any) -> tuple[Policy, ...]:
    """The policies of a setting, in their order.

    Raises:
        ValueError: saying which of them cannot be meant, and why.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError("a list of policies is expected")
    return tuple(_policy(number, each) for number, each in enumerate(given, start=1))


def policy_of(known: Iterable[Policy], agent: str, tags: Collection[str], status: str) -> Policy | None:
    """The first policy that fits a job; None: it is kept for ever."""
    return next((each for each in known if each.fits(agent, tags, status)), None)


def _policy(number: int, given: Any) -> Policy:
    def refuse(why: str) -> ValueError:
        return ValueError(f"policy {number}: {why}")

    if not isinstance(given, Mapping):
        raise refuse("an object is expected")
    strange = sorted(str(key) for key in given if key not in KEYS)
    if strange:
        raise refuse(f"{strange[0]!r} is unknown; known are {', '.join(sorted(KEYS))}")
    preset = _preset(given.get("preset"), refuse)
    keep = given.get("keep", preset.keep if preset else None)
    then = given.get("then", preset.then if preset else "prune")
    archive = given.get("archive")
    for name in (*CHOICES, "archive", "basis"):
        if given.get(name) is not None and (not isinstance(given[name], str) or not given[name]):
            raise refuse(f"{name} is text")
    if given.get("status") not in (None, *ENDED):
        raise refuse(f"status is one of {', '.join(ENDED)}: only a job that has ended is taken away")
    if then not in THENS:
        raise refuse(f"then is one of {', '.join(THENS)}")
    if preset is not None and preset.archived and not archive:
        raise refuse(f"the preset {preset.name} needs a folder: archive")
    chosen = [f"{name}={given[name]}" for name in CHOICES if given.get(name)]
    terms = [*chosen, f"keep={keep}", f"then={then}", *([f"archive={archive}"] if archive else [])]
    named = f"{preset.name}@{preset.version}" if preset else ""
    return Policy(
        given.get("agent"), given.get("tag"), given.get("status"), _span(keep, refuse), archive, str(then),
        given.get("basis") or (preset.basis if preset else ""), named, " ".join([*([named] if named else []), *terms]),
    )  # fmt: skip


def _preset(name: Any, refuse: Any) -> Preset | None:
    if name is None:
        return None
    found = PRESETS.get(name) if isinstance(name, str) else None
    if found is None:
        raise refuse(f"preset is one of {', '.join(PRESETS)}, not {name!r}")
    return found


def _span(keep: Any, refuse: Any) -> float | None:
    if keep == FOR_EVER:
        return None
    try:
        span = seconds(keep)
    except PlanError as error:
        raise refuse(f"keep: {error}; or {FOR_EVER!r}") from None
    if span <= 0:
        raise refuse("keep is longer than nothing")
    return span
