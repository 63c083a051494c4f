"""Celery: the three ways in which a task may be acknowledged."""

import os

from celery import Celery
from effect import charge

app = Celery("celery_crash", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.broker_transport_options = {"visibility_timeout": 5}


@app.task(acks_late=True, reject_on_worker_lost=True)
def late_requeue():
    """Acknowledged after, and given back where its process is lost."""
    return charge()


@app.task(acks_late=True)
def late():
    """Acknowledged after."""
    return charge()


@app.task
def early():
    """Acknowledged before."""
    return charge()
