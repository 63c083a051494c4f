"""A host's own transaction in a process of its own: a row, a job, a word to another job.

`python -m tests.fatal.hosting JOB` signals JOB, writes a row and submits a job, all in one `atomic()`.
"""

from __future__ import annotations

import sys

import django

NAME = "host row"


def main(other: str) -> None:
    """Do it, and say that it is done."""
    django.setup()
    from django.contrib.auth.models import Group
    from django.db import transaction

    from jobs import signal, submit

    with transaction.atomic():
        signal(other, "go", 1)
        Group.objects.create(name=NAME)
        submit(
            "fatal-graph", {"tool": "fatal.pay"}
        )  # last: its crash points then stand right around the COMMIT
    print("committed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
