"""The environment as settings: databases, brokers, secrets; and what `prod` refuses to start with."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

DEV_SECRET = "dev-secret-not-for-production"  # noqa: S105 - named so that `prod` can refuse it

# Seconds until a silent line is asked for a sign of life, between two askings, askings in vain; and milliseconds
# that something sent may stay without a receipt. They mean nothing on a Unix socket.
KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


class UnsafeSettings(SystemExit):
    """The production profile would start with something that must not go into production."""


def text(name: str, default: str = "") -> str:
    """An environment variable, stripped."""
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool) -> bool:
    """An environment variable as yes or no.

    Raises:
        SystemExit: it is neither.
    """
    value = text(name).lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise SystemExit(f"{name}={value!r} is neither yes nor no: write 1 or 0")


def number(name: str, such: str = "seconds, such as 10") -> float | None:
    """An environment variable as a number above 0; None where it is not set.

    Args:
        name: the variable.
        such: what to write instead, for the error.

    Raises:
        SystemExit: it is no such number.
    """
    value = text(name)
    try:
        told = float(value) if value else None
    except ValueError:
        told = 0.0
    if told is not None and not 0 < told < float("inf"):
        raise SystemExit(f"{name}={value!r} is not a number above 0: write {such}")
    return told


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated environment variable."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def document(name: str) -> dict[str, Any]:
    """An environment variable that holds a JSON object, or `@FILE` with one; empty where it is not set.

    Raises:
        SystemExit: it is no JSON object, or there is no such file.
    """
    told = _read(name, "object", "{}")
    if not isinstance(told, dict):
        raise SystemExit(f"{name}={text(name)!r} is no JSON object: write {{...}}, or @FILE with one")
    return told


def listed(name: str) -> list[Any]:
    """An environment variable that holds a JSON array, or `@FILE` with one; empty where it is not set.

    Raises:
        SystemExit: it is no JSON array, or there is no such file.
    """
    told = _read(name, "array", "[]")
    if not isinstance(told, list):
        raise SystemExit(f"{name}={text(name)!r} is no JSON array: write [...], or @FILE with one")
    return told


def _read(name: str, what: str, empty: str) -> Any:
    value = text(name)
    try:
        return json.loads(Path(value[1:]).read_text("utf-8") if value.startswith("@") else value or empty)
    except (OSError, ValueError) as error:
        raise SystemExit(
            f"{name}={value!r} cannot be read: {error}; write a JSON {what}, or @FILE"
        ) from error


def profile() -> str:
    """`dev` or `prod`.

    Raises:
        SystemExit: another word.
    """
    name = text("AETHERIS_PROFILE", "dev") or "dev"
    if name not in ("dev", "prod"):
        raise SystemExit(f"AETHERIS_PROFILE={name!r}: there is `dev` and `prod`")
    return name


def database(url: str) -> dict[str, Any]:
    """A Django database from its address, with what durability and many writers ask for."""
    try:
        parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    except (ValueError, KeyError) as error:
        raise SystemExit(f"AETHERIS_DATABASE_URL is no database address: {error}") from error
    if parsed["ENGINE"].endswith("sqlite3"):
        Path(parsed["NAME"]).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",  # writers queue at BEGIN instead of failing at their first write
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;",
        }
        return parsed
    if parsed["ENGINE"].endswith("postgresql"):
        parsed["CONN_MAX_AGE"] = 600
        parsed["CONN_HEALTH_CHECKS"] = True
        options = parsed.setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 5)
        # A server that vanished without a word (its host, the network) is noticed within half a minute.
        for name, value in KEEPALIVES.items():
            options.setdefault(name, value)
        # A process that is stopped inside a transaction must not keep its locks from the sweep.
        options.setdefault("options", "-c idle_in_transaction_session_timeout=10s")
        return parsed
    raise SystemExit(
        f"AETHERIS_DATABASE_URL: {parsed['ENGINE']} is not supported; use sqlite:/// or postgres://"
    )


MAIL_PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}


def email(url: str) -> dict[str, Any]:
    """Django's settings of e-mail from one address; none where it is empty.

    Args:
        url: `smtp://USER:PASSWORD@HOST:PORT`, `smtp+tls://…` (STARTTLS), `smtps://…` (TLS from the first byte), or
            `file:FOLDER`, which keeps each mail as a file.

    Raises:
        SystemExit: it is none of these. The message does not repeat the password.
    """
    if not url:
        return {}
    if url.startswith("file:"):
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": url[5:],
        }
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in MAIL_PORTS:
        raise SystemExit(
            "AETHERIS_EMAIL_URL is none of smtp://, smtp+tls://, smtps://USER:PASSWORD@HOST:PORT, file:FOLDER"
        )
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": host,
        "EMAIL_PORT": port or MAIL_PORTS[parts.scheme], "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""), "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps", "EMAIL_TIMEOUT": 15,
    }  # fmt: skip


def secret(folder: Path) -> str:
    """The secret key: from the environment, else (dev only) one made at the first run and kept at 0600."""
    given = text("AETHERIS_SECRET_KEY")
    if given or profile() == "prod":
        return given or DEV_SECRET
    path = folder / "secret.key"
    if not path.exists():
        _first_wins(path, secrets.token_urlsafe(48).encode())
    return path.read_text().strip()


def signing_key(folder: Path) -> str:
    """Where the signing key is: from the environment, else (dev only) one made at the first run and kept at 0600."""
    given = text("AETHERIS_SIGNING_KEY")
    if given or profile() == "prod":
        return given
    path = folder / "keys" / "signing.pem"
    if not path.exists():
        _first_wins(path, new_signing_key()[0])
    return f"file:{path}"


def new_signing_key() -> tuple[bytes, bytes]:
    """A new Ed25519 key: the private one in PEM (PKCS #8), and the 32 bytes of the public one."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, key.public_key().public_bytes_raw()


def _first_wins(path: Path, content: bytes) -> None:
    """Write a secret file once, however many processes want to."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def refuse_unsafe(settings: Mapping[str, Any]) -> None:
    """Stop a production start that would be unsafe, naming every reason at once.

    Raises:
        UnsafeSettings: with one line per reason.
    """
    reasons = []
    if settings["SECRET_KEY"] == DEV_SECRET or len(settings["SECRET_KEY"]) < 32:
        reasons.append("AETHERIS_SECRET_KEY is not set or shorter than 32 characters")
    if settings["DEBUG"]:
        reasons.append("AETHERIS_DEBUG is on")
    if not settings["ALLOWED_HOSTS"] or any(
        host.startswith(("*", ".")) for host in settings["ALLOWED_HOSTS"]
    ):
        reasons.append("AETHERIS_ALLOWED_HOSTS is empty or has a wildcard: name every host")
    if settings["DATABASES"]["default"]["ENGINE"].endswith("sqlite3"):
        reasons.append("AETHERIS_DATABASE_URL is SQLite: production needs Postgres")
    if str(settings["CELERY_BROKER_URL"]).startswith("aetheris+"):
        reasons.append(
            "AETHERIS_BROKER_URL is the embedded broker: production needs Redis, Valkey or RabbitMQ"
        )
    if reasons:
        lines = "\n".join(f"  - {reason}" for reason in reasons)
        raise UnsafeSettings(f"aetheris refuses to start with AETHERIS_PROFILE=prod:\n{lines}")
