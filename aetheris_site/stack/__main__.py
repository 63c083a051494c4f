"""`python -m aetheris_site.stack run|stop|status|demo|clean`, which `make` calls."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import Any

from . import checkout, place
from .failures import StackError
from .say import aloud

ACTIONS = {
    "run": "start API, worker and beat in the background",
    "stop": "stop them",
    "status": "say what runs; exit 1 if something is missing",
    "demo": "tell the refund story from end to end",
    "clean": "stop, and remove pid files and logs",
}


def main(argv: list[str] | None = None) -> int:
    """Do one of the actions.

    Returns:
        0 if it was done, 1 if not, 130 if it was interrupted.
    """
    action = _parser().parse_args(argv).action
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    try:
        return _act(action)
    except StackError as failed:
        print(f"\n{failed}", *filter(None, [failed.lines]), sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; what this command had started is stopped.", file=sys.stderr)
        return 130


def _act(action: str) -> int:
    if action == "demo":
        from .demo import tell  # only the demo needs what it imports

        return 0 if tell(os.environ, aloud) else 1
    here = place.of_checkout(os.environ)
    if action == "status":
        return 0 if checkout.status(here, aloud) else 1
    {"run": checkout.run, "stop": checkout.stop, "clean": checkout.clean}[action](here, aloud)
    return 0


def _interrupted(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<8}{what}" for name, what in ACTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m aetheris_site.stack",
        description="The processes of this checkout.\n\n" + lines,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION")
    return parser


if __name__ == "__main__":
    sys.exit(main())
