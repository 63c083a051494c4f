"""How the OpenAPI document tells of parameters that several forensic questions take."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

SINCE = OpenApiParameter("since", str, description="RFC 3339 time, or a duration such as 24h: so long ago.")
UNTIL = OpenApiParameter(
    "until", str, description="RFC 3339 time, or a duration ago; what happened then is not in."
)
