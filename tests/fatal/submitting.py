"""Submit one job from a process of its own: `python -m tests.fatal.submitting AGENT GOAL` prints its id."""

from __future__ import annotations

import json
import sys

import django


def main(agent: str, goal: str) -> None:
    """Submit, and say which job it is."""
    django.setup()
    from jobs import submit

    print(f"job {submit(agent, json.loads(goal))}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
