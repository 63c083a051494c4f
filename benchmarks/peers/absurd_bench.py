"""Absurd: tasks of steps, taken by its own worker in this process."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from absurd_sdk import Absurd
from asked import ASK, AT_ONCE, JOBS, STEPS, URL, say

tool = Path(sys.executable).parent / "absurdctl"
subprocess.run([tool, "init", "-d", URL], check=True, stdout=subprocess.DEVNULL)
app = Absurd(URL, queue_name="b")
app.create_queue("b")
done = threading.Semaphore(0)


@app.register_task(name="run")
def run(params, ctx):
    for i in range(params["n"]):
        ctx.step(f"s{i}", lambda i=i: i)
    done.release()


def work():
    app.start_worker(concurrency=AT_ONCE, poll_interval=0.01)


def wait(jobs):
    for _ in range(jobs):
        done.acquire()


if ASK["case"] == "latency":
    threading.Thread(target=work, daemon=True).start()
    app.spawn("run", {"n": 10})
    wait(1)
    app.spawn("run", {"n": STEPS})
    start = time.perf_counter()
    wait(1)
    say(STEPS, time.perf_counter() - start)
else:
    for _ in range(JOBS):
        app.spawn("run", {"n": STEPS})
    start = time.perf_counter()
    threading.Thread(target=work, daemon=True).start()
    wait(JOBS)
    say(JOBS * STEPS, time.perf_counter() - start)
os._exit(0)
