"""ASGI entry point."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aetheris_site.settings")
_django = get_asgi_application()

from jobs.api.parsing import body_limit  # noqa: E402 - Django first

from .bodies import App, BodyLimit  # noqa: E402
from .sharing import share_connections  # noqa: E402

share_connections()
application = BodyLimit(cast(App, _django), body_limit())
