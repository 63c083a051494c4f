"""A module that is imported in the middle of a workflow, and reads clock, dice and environment while it is."""

from __future__ import annotations

import os
import time
import uuid


def _begun() -> float:
    return time.time()


BEGUN = _begun()
NAME = uuid.uuid4()
HOME = os.environ.get("HOME")
