"""The `AETHERIS = {…}` setting: every key with its default; an unknown key is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .core.retention import policies

AUDITS = ("off", "lenient", "strict", "all")
SECRET_POLICIES = ("refuse", "mask", "warn", "off")


@dataclass(frozen=True)
class Conf:
    """What a project may set in `AETHERIS`.

    Args:
        AGENTS: modules to import for agents and tools, beside those of installed apps.
        LEASE_TTL: seconds after which a silent worker is declared dead.
        SLICE: seconds of inline work after which a job's next step goes through the broker, so nobody starves.
        MAX_PAYLOAD: bytes of a goal, signal, message or form.
        MAX_RESULT: bytes of a tool's result.
        INLINE_LIMIT: bytes above which a part of a body is stored once, by digest.
        CACHE: jobs whose folded state a process keeps in memory.
        LOOP_SLOTS: asynchronous steps that one process runs at a time.
        DRAIN: seconds that running steps get to finish at SIGTERM.
        CAPABILITIES: what this process offers beside its agents, e.g. `["gpu"]`.
        MODELS: model name or prefix -> provider (see docs/models.md).
        DEFAULT_TENANT: tenant of users without one.
        SIGNING_KEY: where the key is that signs checkpoints, packages and tombstones: `file:PATH`, `env:NAME` or
            `package.module:factory`; empty: nothing can be signed.
        LOG_KEYS: public keys of the log that have signed before the one that signs now, one line each (`aetheris keygen`
            prints it); empty: those that the database remembers are believed.
        LOG_ORIGIN: name of the transparency log and of its key, a URL without its scheme; keep it for ever.
        ANCHORS: where every checkpoint of the log is handed to: `file:PATH`, `https://…`, `rfc3161:URL`, or
            `package.module:factory` (see docs/transparency-log.md).
        REDACTION: profiles of redaction at export, and the keys of hashes and encryption (see
            docs/evidence-packages.md).
        EXPORT_FOLDER: where packages of batch exports lie until they are fetched; API and workers must both reach it.
        EXPORT_KEEP: seconds that they are kept there.
        ARCHIVE_FOLDER: where the packages of jobs lie that somebody prunes; empty: only without a package.
        AUDIT_ACCESS: what happens when an access cannot be written to the access log: `strict` refuses the answers
            of forensic questions, `all` also those of a job's events and trace, `lenient` none; `off` keeps no log.
        VERIFY_EVERY: when everything is verified without being asked for: an hour of the day in UTC, such as `02:30`, or
            a duration, such as `12h`; empty: never.
        RETENTION: how long jobs are kept after their end, and what becomes of them then (see docs/retention.md); empty: for
            ever.
        STRICT: whether a workflow or planner that reaches around ctx (clock, dice, files, network, …) fails at once; for
            tests, it costs time.
        NOTIFY: how people are told of approvals: `{"url": …, "remind": [...]}` (see docs/notifications.md); empty: not at all.
        TRUSTED_PROXIES: how many proxies stand before the API and append to X-Forwarded-For; 0: believe none.
        SECRETS: name -> `{"from": "env:NAME", "tools": [...]}`: what `{"$secret": name}` stands for (see docs/secrets.md).
        SECRET_POLICY: what is done with a secret in a payload: `refuse`, `mask`, `warn` or `off`.
        ENCRYPTION: the keys under which bodies are stored: `{"current": name, "keys": {name: where}}` (see
            docs/encryption.md); empty: in clear.
    """

    AGENTS: list[str] = field(default_factory=list)
    LEASE_TTL: float = 10.0
    SLICE: float = 2.0
    MAX_PAYLOAD: int = 1024 * 1024
    MAX_RESULT: int = 8 * 1024 * 1024
    INLINE_LIMIT: int = 64 * 1024
    CACHE: int = 1000
    LOOP_SLOTS: int = 1000
    DRAIN: float = 20.0
    CAPABILITIES: list[str] = field(default_factory=list)
    MODELS: Mapping[str, Any] = field(default_factory=dict)
    DEFAULT_TENANT: str = "default"
    SIGNING_KEY: str = ""
    LOG_KEYS: list[str] = field(default_factory=list)
    LOG_ORIGIN: str = "aetheris.local/log"
    ANCHORS: list[str] = field(default_factory=list)
    REDACTION: Mapping[str, Any] = field(default_factory=dict)
    EXPORT_FOLDER: str = ""
    EXPORT_KEEP: float = 7 * 24 * 3600.0
    ARCHIVE_FOLDER: str = ""
    AUDIT_ACCESS: str = "strict"
    VERIFY_EVERY: str = "02:30"
    RETENTION: Sequence[Mapping[str, Any]] = ()
    STRICT: bool = False
    NOTIFY: Mapping[str, Any] = field(default_factory=dict)
    TRUSTED_PROXIES: int = 0
    SECRETS: Mapping[str, Any] = field(default_factory=dict)
    SECRET_POLICY: str = "refuse"  # noqa: S105 - a policy, no secret
    ENCRYPTION: Mapping[str, Any] = field(default_factory=dict)


KNOWN = tuple(each.name for each in fields(Conf))
# What the settings were when they were read, and what they say.
_read: tuple[dict[str, Any], Conf] | None = None


def conf() -> Conf:
    """The settings as they are now.

    Raises:
        ImproperlyConfigured: an unknown key, naming the nearest known one.
    """
    global _read
    given: Mapping[str, Any] = getattr(settings, "AETHERIS", {})
    if _read is None or _read[0] != given:
        _read = deepcopy(dict(given)), _checked(given)
    return _read[1]


def _checked(given: Mapping[str, Any]) -> Conf:
    for key in given:
        if key not in KNOWN:
            near = get_close_matches(str(key), KNOWN, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(KNOWN)}"
            raise ImproperlyConfigured(f"AETHERIS has no setting {key!r}{hint}")
    return Conf(**given)


def check() -> None:
    """Refuse a setting that cannot be meant, at start-up."""
    now = conf()
    for name in ("LEASE_TTL", "SLICE", "MAX_PAYLOAD", "MAX_RESULT", "INLINE_LIMIT", "CACHE", "LOOP_SLOTS"):
        if getattr(now, name) <= 0:
            raise ImproperlyConfigured(f"AETHERIS[{name!r}] must be above 0, not {getattr(now, name)!r}")
    if now.AUDIT_ACCESS not in AUDITS:
        raise ImproperlyConfigured(
            f"AETHERIS['AUDIT_ACCESS'] must be one of {', '.join(AUDITS)}, not {now.AUDIT_ACCESS!r}"
        )
    if now.VERIFY_EVERY and not re.fullmatch(
        r"([01][0-9]|2[0-3]):[0-5][0-9]|[1-9][0-9]*(s|m|h|d)", now.VERIFY_EVERY
    ):
        raise ImproperlyConfigured(
            f"AETHERIS['VERIFY_EVERY'] must be an hour of the day such as '02:30', a duration such as '12h', or empty, "
            f"not {now.VERIFY_EVERY!r}"
        )
    try:
        policies(now.RETENTION)
    except ValueError as error:
        raise ImproperlyConfigured(f"AETHERIS['RETENTION']: {error}") from None
    if now.TRUSTED_PROXIES < 0:
        raise ImproperlyConfigured(
            f"AETHERIS['TRUSTED_PROXIES'] must be 0 or more, not {now.TRUSTED_PROXIES!r}"
        )
    if now.SECRET_POLICY not in SECRET_POLICIES:
        known = ", ".join(SECRET_POLICIES)
        raise ImproperlyConfigured(f"AETHERIS['SECRET_POLICY'] is one of {known}, not {now.SECRET_POLICY!r}")


def taken(name: str, take: Callable[[Mapping[str, Any]], None]) -> None:
    """Hand a setting to whoever it is for, at start-up.

    Raises:
        ImproperlyConfigured: it cannot be meant; the message is theirs.
    """
    try:
        take(getattr(conf(), name))
    except ValueError as error:
        raise ImproperlyConfigured(f"AETHERIS[{name!r}]: {error}") from error
