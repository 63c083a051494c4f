"""The evidence graph of a job: what led to what, told by its events alone; walked, drawn, and written as W3C PROV-JSON.

How a graph is built from events stands in `forensics.standalone`, for an auditor derives it a second time with that one
file. Nothing here knows a database or a framework: a package is enough.
"""

from ..standalone import Evidence
from .answering import who
from .building import graph_of
from .prov import document, prov_text
from .walking import BACK, FORWARD, matching, named, part_of, reached, walked

__all__ = [
    "BACK", "FORWARD", "Evidence", "document", "graph_of", "matching", "named", "part_of", "prov_text", "reached",
    "walked", "who",
]  # fmt: skip
