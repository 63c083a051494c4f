"""The jobs that the auditor looks at, by name: each entry makes one and gives its id."""

from __future__ import annotations

from tests.forensics import cast_of_code, cast_of_forks, cast_of_graphs
from tests.forensics.casting import CAST

__all__ = ["CAST", "cast_of_code", "cast_of_forks", "cast_of_graphs"]
