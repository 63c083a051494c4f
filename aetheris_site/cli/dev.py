"""`dev`: API, worker and beat in one process, for the folder one stands in; restarts when code changes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from .options import Verb
from .output import note
from .session import Session

_CHILD = "RUN_MAIN"  # Django's reloader sets it in the process that does the work


@click.command(cls=Verb, example="aetheris dev --agents agents --port 8080")
@click.option(
    "--agents", "modules", multiple=True, metavar="MODULE", help="A module with agents; may be repeated."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port of the API."
)
@click.option(
    "--var",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var"),
    show_default=True,
    help="Folder of the database and of local.json.",
)
@click.option("--reload/--no-reload", default=True, show_default=True, help="Start again when code changes.")
@click.pass_obj
def dev(session: Session, modules: tuple[str, ...], port: int, var: Path, reload: bool) -> None:
    """Run everything in one process, for development.

    Uses SQLite and a broker inside the process, makes two local users, and takes agents from agents.py of this
    folder if no --agents is given. What is under AETHERIS_… in the environment comes first.
    """
    if session.json:
        raise click.UsageError("dev prints no document and does not end: leave --json out.")
    prepare(modules, var.resolve(), Path.cwd())
    from .one_process import Everything

    whole = Everything(port=port, var=var.resolve())
    if not reload:
        whole.run()
        return
    from django.utils.autoreload import run_with_reloader

    if os.environ.get(_CHILD) != "true":
        note("Watching the code: a change starts everything again. Ctrl-C ends it.")
    whole.under_a_reloader(run_with_reloader)


def prepare(modules: tuple[str, ...], var: Path, folder: Path) -> None:
    """Set the environment that the settings read, before they are read."""
    agents_of(modules, folder)
    os.environ.setdefault("AETHERIS_VAR", str(var))
    os.environ.setdefault("AETHERIS_BROKER_URL", "aetheris+local://")


def agents_of(modules: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """Name the modules of agents in the environment, before the settings are read: those given, else agents.py."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last, so that nothing in it hides a part of the runtime
    named = modules or (("agents",) if (folder / "agents.py").is_file() else ())
    before = [each for each in os.environ.get("AETHERIS_AGENTS", "").split(",") if each]
    os.environ["AETHERIS_AGENTS"] = ",".join(dict.fromkeys([*before, *named]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetheris_site.settings")
    return named
