"""DBOS: a workflow of steps, in this process."""

from asked import URL, measure
from dbos import DBOS

DBOS(config={"name": "bench", "system_database_url": URL, "log_level": "ERROR", "run_admin_server": False})


@DBOS.step()
def step(i):
    return i


@DBOS.workflow()
def run(steps):
    for i in range(steps):
        step(i)


DBOS.launch()
measure(run)
DBOS.destroy()
