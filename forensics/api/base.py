"""What every forensic view has in common: it says what it does, so that the access log can tell."""

from __future__ import annotations

from jobs.api.base import Face


class ForensicFace(Face):
    """A view of forensic data.

    `action` is the word under which an access stands in the access log: verify, replay, export, view, search, prove.
    """

    action = "view"
