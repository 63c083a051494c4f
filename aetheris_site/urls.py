"""Addresses of the shipped project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from . import errors, health, metrics

# JSON unless YAML is asked for: whatever reads YAML reads JSON too.
schema = SpectacularAPIView.as_view(
    renderer_classes=[OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer, OpenApiYamlRenderer2]
)
# The page loads its script from a second address of its own: nothing in it is inline.
docs = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="aetheris/api_docs.html")

urlpatterns = [
    path("favicon.ico", errors.no_icon, name="icon"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("api/schema/", schema, name="schema"),
    path("api/schema", schema),
    path("api/docs/", docs, name="docs"),
    path("api/docs", docs),
    path("api/", include("forensics.api.urls")),
    path("api/", include("jobs.api.urls")),
    re_path(r"^api(/.*)?$", errors.not_found),
    path("", include("jobs.console.urls")),
]

handler400 = errors.bad_request
handler404 = errors.not_found
handler500 = errors.server_error
