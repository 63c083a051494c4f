"""`version`, `health`, `workers`: which software, is it well, who works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from .failures import Failure
from .options import Verb
from .output import Columns, document, record, table
from .session import Session
from .words import moment

DISTRIBUTION = "aetheris-runtime"


@click.command(cls=Verb, example="aetheris version")
@click.pass_obj
def version(session: Session) -> None:
    """Print the version of this command line."""
    found = _version()
    if session.json:
        document({"version": found})
    else:
        click.echo(f"aetheris {found}")


def _version() -> str:
    """The installed version; in a checkout that of its pyproject.toml."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed
    from pathlib import Path

    source = Path(__file__).parents[2] / "pyproject.toml"
    if source.is_file():
        import tomllib

        return str(tomllib.loads(source.read_text("utf-8"))["project"]["version"])
    try:
        return installed(DISTRIBUTION)
    except PackageNotFoundError as error:
        raise Failure(
            f"{DISTRIBUTION} is neither installed nor a checkout",
            code="no_version",
            advice="Install it anew.",
        ) from error


@click.command(cls=Verb, example="aetheris health")
@click.pass_obj
def health(session: Session) -> None:
    """Ask whether the system is well; exit 1 names what is missing."""
    api = session.api()
    answer = api.raw("GET", "/readyz")
    try:
        found: Any = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        from .client import stranger

        raise stranger(answer)
    detail = found.get("detail")
    missing = dict(detail) if isinstance(detail, Mapping) else {}
    if session.json:
        document(found)
    else:
        record({"Address": api.address, "Status": str(found.get("status") or answer.status_code)})
    if not answer.is_success:
        raise Failure(
            f"{api.address} cannot work on jobs",
            code="not_ready",
            errors=[{"loc": [name], "msg": advice} for name, advice in missing.items()],
        )


@click.command(cls=Verb, example="aetheris workers")
@click.pass_obj
def workers(session: Session) -> None:
    """List workers: alive or dead, what they offer, what they do."""
    found = list(session.api().pages("/api/workers"))
    if session.json:
        document(found)
        return
    columns: Columns = {
        "Worker": lambda each: str(each["name"]),
        "State": worker_state,
        "Host": lambda each: str(each.get("host") or ""),
        "Pid": lambda each: str(each.get("pid") or ""),
        "Slots": lambda each: str(each.get("slots") or ""),
        "Running": lambda each: str(len(each.get("running") or [])),
        "Offers": lambda each: ", ".join(each.get("offers") or []),
        "Alive until": lambda each: moment(each.get("alive_until")),
    }
    table(found, columns, empty="No worker has registered yet. `make run` starts one.")


def worker_state(worker: Mapping[str, Any]) -> str:
    """A worker's state in one word."""
    if not worker.get("alive"):
        return "dead"
    return "draining" if worker.get("draining") else "alive"
