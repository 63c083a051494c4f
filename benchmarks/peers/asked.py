"""What the drivers share: what they were asked for, and the line they answer with.

A driver is one process that does one case once. It is told by the environment: URL, a fresh database of its own; REDIS, a
broker; ASK, a JSON object with `case` (`latency`: one job of `steps` steps, alone; `throughput`: `jobs` jobs of `steps`
steps, `at_once` at a time). Its last line of output is a JSON object of figures.
"""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

ASK = json.loads(os.environ["ASK"])
URL = os.environ["URL"]
STEPS, JOBS, AT_ONCE = ASK["steps"], ASK.get("jobs", 1), ASK.get("at_once", 1)


def say(steps, seconds):
    """Answer: what a step took, and how many there were in a second."""
    print(json.dumps({"ms": seconds / steps * 1e3, "per_s": steps / seconds}), flush=True)


def measure(run):
    """Run the case with `run(steps)`, which does one whole job and returns at its end."""
    run(10)
    if ASK["case"] == "latency":
        start = time.perf_counter()
        run(STEPS)
        return say(STEPS, time.perf_counter() - start)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: run(STEPS), range(JOBS)))
        return say(JOBS * STEPS, time.perf_counter() - start)
