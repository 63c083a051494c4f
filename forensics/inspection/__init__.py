"""Verification at rest: of one job, of some of its events, of many jobs; it repairs nothing."""

from .job import Found, derived_break, inspect, inspect_range

__all__ = ["Found", "derived_break", "inspect", "inspect_range"]
