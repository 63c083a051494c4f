"""Verifying an evidence package: the stand-alone verifier, with the keys that this checkout trusts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .output import document
from .pins import own_keys
from .words import clean, compact

if TYPE_CHECKING:
    from forensics.standalone import Report


def is_package(name: str) -> bool:
    """Whether a file is meant, and no job."""
    return name.lower().endswith(".zip") or Path(name).is_file()


@dataclass(frozen=True)
class Wish:
    """What is asked of a file.

    Args:
        name: of the file.
        keys: public keys that were given; none: those of this checkout, if there is one.
        checkpoint: file with a checkpoint that somebody kept.
        consistency: file with a proof between the two checkpoints.
        head: that it must reach.
        opener: file with the key of encrypted fields, which are printed then.
    """

    name: str
    keys: tuple[str, ...] = ()
    checkpoint: str = ""
    consistency: str = ""
    head: str = ""
    opener: str = ""


def verify_package(wish: Wish, *, json: bool) -> None:
    """Verify a file and print the verdict.

    Args:
        wish: what is asked.
        json: print one document.

    Raises:
        Failure: it is broken, naming the first break.
        click.UsageError: a file or a key cannot be read, or a question cannot be decided.
    """
    from forensics import standalone  # needs no Django

    try:
        pins = (
            standalone.given_keys(list(wish.keys)) if wish.keys else tuple(own_keys(os.environ, Path.cwd()))
        )
        texts = [
            Path(each).read_text("utf-8") if each else "" for each in (wish.checkpoint, wish.consistency)
        ]
        key = bytes.fromhex(Path(wish.opener).read_text().strip()) if wish.opener else b""
        report = standalone.verify(wish.name, standalone.Wishes(pins, texts[0], texts[1], head=wish.head))
        values = list(standalone.opened(wish.name, key)) if key and report.ok else []
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"a key cannot be used: {error}") from error
    _show(report, wish, values, json=json)


def verified_graph(wish: Wish) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """The evidence graph of a file that verifies: as clients see it, the head that it reaches, and as it was built.

    Args:
        wish: the file, and the keys.

    Raises:
        Failure: the file is broken; what it says is worth nothing then.
        click.UsageError: a file or a key cannot be read, or a question cannot be decided.
    """
    from forensics.evidence import packages

    try:
        pins = packages.given_keys(list(wish.keys)) if wish.keys else tuple(own_keys(os.environ, Path.cwd()))
        report, graph = packages.opened(wish.name, packages.Wishes(pins))
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"a key cannot be used: {error}") from error
    if graph is None or not report.ok:
        raise Failure(
            f"{wish.name} is broken: {report.problem}",
            code=report.problem.kind if report.problem else "undecided",
        )
    return graph.json(), report.facts["head"], graph


def _show(report: Report, wish: Wish, values: list[dict[str, Any]], *, json: bool) -> None:
    from forensics import standalone

    if json:
        document({**report.to_json(), **({"opened": values} if wish.opener else {})})
    else:
        for line in standalone.told(report):
            click.echo(clean(line))
        for each in values:
            click.echo(clean(f"event {each['seq']} {each['path']} = {compact(each['value'])}"))
    problem: Any = report.problem
    if problem is not None:
        raise Failure(f"{wish.name} is broken: {problem}", code=problem.kind)
    if not report.ok:
        open_ones = [each.detail for each in report.checks if each.status == "undecided"]
        raise click.UsageError(f"{wish.name} could not be decided: {'; '.join(open_ones)}")
