"""A breakage: one deliberate mistake, and the test that catches it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Breakage:
    """One deliberate mistake.

    Args:
        name: what is broken, in the words of the field.
        law: the law of the design that it breaks.
        path: the file, from the root.
        old: the code as it is; stands there exactly once.
        new: the code as a mistake would have it.
        caught_by: the test that turns red, as pytest names it.
    """

    name: str
    law: str
    path: str
    old: str
    new: str
    caught_by: str
