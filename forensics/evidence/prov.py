"""The graph in W3C PROV-JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..standalone import Evidence, prov_pieces


def prov_text(graph: Evidence, head: dict[str, Any]) -> Iterator[str]:
    """The canonical text of the document, in pieces.

    Args:
        graph: a whole one.
        head: `{seq, hash}` of the event that the record reaches.
    """
    return (text for _, _, text in prov_pieces(graph, head))


def document(graph: Evidence, head: dict[str, Any]) -> dict[str, Any]:
    """The document as a value; for the arguments see `prov_text`."""
    made: dict[str, Any] = json.loads("".join(prov_text(graph, head)))
    return made
