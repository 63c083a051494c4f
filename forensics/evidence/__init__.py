"""The evidence graph of a job: what led to what, told by its events alone; walked, drawn, and written as W3C PROV-JSON.

How a graph is built from events stands in `forensics.standalone`, for an auditor derives it a second time with that one
file. Nothing here knows a database or a framework: a package is enough.
"""

from ..standalone import Evidence
from .building import graph_of
from .prov import document, prov_text

__all__ = ["Evidence", "document", "graph_of", "prov_text"]
