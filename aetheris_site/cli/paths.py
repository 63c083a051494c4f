"""Paths of the API, with names put in so that they stay one part of it."""

from __future__ import annotations

from urllib.parse import quote


def part(value: str) -> str:
    """A value as one part of a path."""
    return quote(value, safe="").replace(".", "%2E") if value in (".", "..") else quote(value, safe="")


def job_path(job: str) -> str:
    """A job."""
    return f"/api/jobs/{part(job)}"


def node_path(job: str, node: str) -> str:
    """A node of a job, or a call inside it (`triage/step#1`): the slash belongs to its name."""
    return f"{job_path(job)}/nodes/{quote(node, safe='/')}"
