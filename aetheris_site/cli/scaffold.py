"""`init`: a new folder with an agent that runs with one command."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import click

from .failures import Refused
from .options import Verb
from .output import document, note
from .session import Session

FILES = {"agents.py": "agents.py.txt", "README.md": "README.md.txt", ".gitignore": "gitignore.txt"}


@click.command(cls=Verb, example="aetheris init my-agents")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_obj
def init(session: Session, folder: Path) -> None:
    """Make a project: a folder with an agent, run by `aetheris dev`."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(
            f"{folder} is there and not an empty folder",
            code="not_empty",
            advice="Name a new one: nothing is overwritten.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    templates = resources.files(__package__) / "project"
    for name, template in FILES.items():
        (folder / name).write_text((templates / template).read_text("utf-8"), "utf-8")
    if session.json:
        document({"folder": str(folder), "files": list(FILES)})
        return
    for name in FILES:
        click.echo(str(folder / name))
    note(f"Next: cd {folder} && aetheris dev")
