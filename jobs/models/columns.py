"""Columns that many rows have."""

from __future__ import annotations

from django.db import models


def tenant_column() -> models.CharField[str, str]:
    """The column that every row has which a tenant can see (Law L8)."""
    return models.CharField(max_length=64, default="default")
