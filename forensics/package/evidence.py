"""The file `evidence.json`: the evidence graph of a job in W3C PROV-JSON, in its canonical form, as the package shows the job."""

from __future__ import annotations

from contextlib import suppress

from ..record import UNREADABLE
from ..standalone import prov_pieces
from .records import Records
from .zipping import Sink


def write(records: Records, sink: Sink) -> None:
    """Write the graph that the events tell, as they stand in the package: what is withheld there is withheld here.

    Args:
        records: whose events have been written.
        sink: the file.
    """
    graph = records.graph
    for digest in sorted(graph.wants):
        with suppress(*UNREADABLE):  # verifying the package says where
            graph.give(digest, records.part(digest))
    graph.end()
    head = {"seq": records.job.head_seq, "hash": records.job.head_hash}
    for _, _, text in prov_pieces(graph, head):
        sink.write(text.encode("ascii"))
    records.forget_graph()
