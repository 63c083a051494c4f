"""`lint`: what planners and workflows must leave to tools, found in their source."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failures import Failure
from .options import Verb
from .output import document, note
from .session import Session
from .words import line

if TYPE_CHECKING:
    from forensics.lint import Finding

_PASSED_OVER = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", "migrations", "build", "dist", "var"}
)
FORMATS = ("text", "json", "github")


@click.command(cls=Verb, example="aetheris lint agents.py --format github")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--agents", "registered", is_flag=True, help="The modules of all agents that are registered here."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How findings are printed.",
)
@click.option(
    "--select", metavar="CODES", default="", help="Only these codes, with commas; a beginning is enough."
)
@click.option("--ignore", metavar="CODES", default="", help="Not these codes.")
@click.option(
    "--decorator",
    "decorators",
    multiple=True,
    metavar="NAME",
    help="A name that marks workflows too; repeatable.",
)
@click.pass_obj
def lint(
    session: Session, paths: tuple[Path, ...], registered: bool, form: str, select: str, ignore: str, decorators: tuple[str, ...]
) -> None:  # fmt: skip
    """Find what breaks the step contract in planners and workflows.

    Looks at the files and folders named, this folder unless told. Nothing is imported or run, unless --agents asks for it.
    Exit 1 if something is found.
    """
    from forensics.lint import CODES
    from forensics.lint import lint as check

    for code in (*_codes(select), *_codes(ignore)):
        if not any(known.startswith(code) for known in CODES):
            raise click.UsageError(f"There is no code {code!r}; known are {', '.join(CODES)}.")
    files = sorted(
        {*_files(paths or (() if registered else (Path(),))), *(_registered() if registered else ())}
    )
    found = [
        each
        for file in files
        for each in check(_read(file), str(file), decorators=decorators)
        if _wanted(each.code, _codes(select), _codes(ignore))
    ]
    _show(found, "json" if session.json else form)
    if found:
        count = f"{len(found)} findings" if len(found) > 1 else "One finding"
        raise Failure(
            f"{count} in {len({each.path for each in found})} of {len(files)} files", code="step_contract"
        )
    note(f"{len(files)} files, nothing found")


def _codes(text: str) -> list[str]:
    return [each.strip().upper() for each in text.split(",") if each.strip()]


def _wanted(code: str, select: list[str], ignore: list[str]) -> bool:
    chosen = not select or code.startswith(tuple(select))
    return chosen and not code.startswith(tuple(ignore) or ("-",))


def _files(paths: tuple[Path, ...]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
            continue
        for file in path.rglob("*.py"):
            if not _PASSED_OVER & set(file.relative_to(path).parts):
                yield file


def _registered() -> Iterator[Path]:
    """The files in which the registered agents and workflows stand."""
    from .debugging import load

    load(())
    from jobs.agents import all_agents, all_workflows, get_workflow

    for fn in (*(each.fn for each in all_agents()), *(get_workflow(name).fn for name in all_workflows())):
        file = Path(inspect.unwrap(fn).__code__.co_filename)
        if file.is_file():
            yield file


def _read(path: Path) -> str:
    import tokenize

    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}", code="not_read") from error


def _show(found: list[Finding], form: str) -> None:
    from dataclasses import asdict

    if form == "json":
        document([asdict(each) for each in found])
        return
    for each in found:
        place = line(each.path)
        if form == "github":
            click.echo(
                f"::error file={place},line={each.line},col={each.column},title={each.code}::{line(each.message)}"
            )
        else:
            click.echo(f"{place}:{each.line}:{each.column}: {each.code} {line(each.message)}")
