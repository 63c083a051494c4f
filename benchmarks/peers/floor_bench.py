"""The floor: one committed insert per step, and nothing else."""

import threading

import psycopg
from asked import URL, measure

with psycopg.connect(URL, autocommit=True) as first:
    first.execute("create table t(id bigserial primary key, body text)")
local = threading.local()


def run(steps):
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(URL, autocommit=True)
    for _ in range(steps):
        local.connection.execute("insert into t(body) values (%s)", ("x" * 60,), prepare=True)


measure(run)
