"""The code of today: version 2 is what new jobs get."""

from __future__ import annotations

from tests.agents.rolling import rolling

rolling("2", default=True)
