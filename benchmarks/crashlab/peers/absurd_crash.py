"""Absurd: a task of one step; `start`, then `resume`."""

import os
import sys
import threading
import time

from absurd_sdk import Absurd
from effect import charge

app = Absurd(os.environ["URL"], queue_name="b")
if sys.argv[1] == "start":
    app.create_queue("b")
done = threading.Event()


@app.register_task(name="run")
def run(params, ctx):
    """One step."""
    ctx.step("pay", charge)
    done.set()


if sys.argv[1] == "start":
    app.spawn("run", {})
worker = {"concurrency": 1, "claim_timeout": 3, "poll_interval": 0.05}
threading.Thread(target=lambda: app.start_worker(**worker), daemon=True).start()
done.wait(30)
time.sleep(0.3)
print("done" if done.is_set() else "not done")
os._exit(0)
