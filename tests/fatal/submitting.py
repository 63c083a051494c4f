"""Submit one job from a process of its own: `python -m tests.fatal.submitting AGENT GOAL [KEY]` prints its id.

With a key it is submitted inside a transaction of the process's own, as a host project does.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext

import django


def main(agent: str, goal: str, key: str | None = None) -> None:
    """Submit, and say which job it is."""
    django.setup()
    from django.db import transaction

    from jobs import submit

    with transaction.atomic() if key else nullcontext():
        job = submit(agent, json.loads(goal), idempotency_key=key)
    print(f"job {job}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
