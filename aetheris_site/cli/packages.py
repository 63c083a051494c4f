"""Verifying an evidence package: the stand-alone verifier, with the keys that this checkout trusts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure
from .output import document
from .pins import own_keys
from .words import clean

if TYPE_CHECKING:
    from forensics.standalone import Report


def is_package(name: str) -> bool:
    """Whether a file is meant, and no job."""
    return name.lower().endswith(".zip") or Path(name).is_file()


def verify_package(
    name: str, *, keys: tuple[str, ...], checkpoint: str, consistency: str, head: str, json: bool
) -> None:
    """Verify a file and print the verdict.

    Args:
        name: of the file.
        keys: public keys that were given; none: those of this checkout, if there is one.
        checkpoint: file with a checkpoint that somebody kept.
        consistency: file with a proof between the two checkpoints.
        head: that it must reach.
        json: print one document.

    Raises:
        Failure: it is broken, naming the first break.
        click.UsageError: a file or a key cannot be read, or a question cannot be decided.
    """
    from forensics import standalone  # needs no Django

    try:
        pins = standalone.given_keys(list(keys)) if keys else tuple(own_keys(os.environ, Path.cwd()))
        texts = [Path(each).read_text("utf-8") if each else "" for each in (checkpoint, consistency)]
        report = standalone.verify(name, standalone.Wishes(pins, texts[0], texts[1], head=head))
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise click.UsageError(f"a key cannot be read: {error}") from error
    _show(report, name, json=json)


def _show(report: Report, name: str, *, json: bool) -> None:
    from forensics import standalone

    if json:
        document(report.to_json())
    else:
        for line in standalone.told(report):
            click.echo(clean(line))
    problem: Any = report.problem
    if problem is not None:
        raise Failure(f"{name} is broken: {problem}", code=problem.kind)
    if not report.ok:
        open_ones = [each.detail for each in report.checks if each.status == "undecided"]
        raise click.UsageError(f"{name} could not be decided: {'; '.join(open_ones)}")
