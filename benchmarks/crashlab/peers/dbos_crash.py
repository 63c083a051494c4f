"""DBOS: a workflow of one step; `start`, then `resume`."""

import os
import sys

from dbos import DBOS, SetWorkflowID
from effect import charge

DBOS(
    config={
        "name": "crash-lab", "system_database_url": os.environ["URL"], "log_level": "ERROR",
        "application_version": "1", "run_admin_server": False,
    }
)  # fmt: skip


@DBOS.step()
def pay():
    """Charge."""
    return charge()


@DBOS.workflow()
def run():
    """One step."""
    return pay()


DBOS.launch()
if sys.argv[1] == "start":
    with SetWorkflowID("w1"):
        run()
else:
    print(DBOS.retrieve_workflow("w1").get_result())
    DBOS.destroy()
