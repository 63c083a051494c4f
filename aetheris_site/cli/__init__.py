"""The command line: `aetheris`, a face that speaks HTTP and holds no rule of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from .root import cli
from .session import Session

__all__ = ["cli", "main", "run"]

CTRL_C = 130
BROKEN_PIPE = 141


def main() -> None:
    """The entry of the launcher: run the arguments of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a narrow locale must not hide an answer
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str], session: Session | None = None) -> int:
    """Run one command.

    Args:
        args: what stands after `aetheris`.
        session: what the command is given; a fresh one unless a caller has prepared it.

    Returns:
        0 done, 1 error, 2 usage, 3 not found, 4 refused, 130 interrupted.
    """
    try:
        code = cli.main(
            args=list(args), prog_name="aetheris", standalone_mode=False, obj=session or Session()
        )
        sys.stdout.flush()
        return int(code or 0)
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except click.Abort:
        click.echo("Interrupted; what the server has accepted goes on.", err=True)
        return CTRL_C
    except BrokenPipeError:  # `aetheris events ID | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
