"""The auditor's pages in the admin: to be read, never written."""

from __future__ import annotations

from . import access, checkpoints, search, verifications

__all__ = ["access", "checkpoints", "search", "verifications"]
