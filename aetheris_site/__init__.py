"""The project that is shipped: settings, Celery app, URLs, command line. The apps need none of it."""

from .celery import app as celery_app

__all__ = ["celery_app"]
