"""Anchors: checkpoints handed to places outside, where the owner of the database cannot change them any more."""

from .running import anchor_all, stuck_anchors
from .targets import shown, target_of

__all__ = ["anchor_all", "shown", "stuck_anchors", "target_of"]
