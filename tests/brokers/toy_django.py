"""Django settings and a Celery app in one: its task says which database connection it was given."""

from __future__ import annotations

import os

from celery import Celery
from django.db import connection

from jobs.celery_defaults import configure
from tests.brokers import toy

SECRET_KEY = "toy"
USE_TZ = True
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "toy.sqlite3", "CONN_MAX_AGE": None}}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", __name__)
app = Celery("toy_django", broker=os.environ.get(toy.BROKER))
configure(app)


@app.task(name="aetheris.connection")
def connection_used(number: int) -> None:
    """Write the identity of this thread's open connection, kept alive so that it is not given out twice."""
    connection.ensure_connection()
    _seen.append(connection.connection)
    toy.write(f"connection {id(connection.connection)}")


_seen: list[object] = []
