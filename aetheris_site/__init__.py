"""The project that is shipped: settings, Celery app, URLs, command line. The apps need none of it."""
