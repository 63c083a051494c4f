"""Raw Celery: chains of no-op tasks through Redis, taken by a worker of threads. Nothing of a chain is durable but its message."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from celery import Celery, chain

app = Celery("celery_bench", broker=os.environ["REDIS"], backend=os.environ["REDIS"])
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)


@app.task
def step(i):
    return i


def run(steps):
    """One chain, waited for."""
    chain(step.s(0), *[step.si(i) for i in range(1, steps)]).delay().get(timeout=600, interval=0.005)


def measured():
    """Chains of ten one after the other, or many side by side; how many steps, and in how many seconds."""
    from asked import ASK, AT_ONCE, JOBS, STEPS

    run(10)
    chains = [10] * max(1, STEPS // 10) if ASK["case"] == "latency" else [STEPS] * JOBS
    with ThreadPoolExecutor(AT_ONCE) as pool:
        start = time.perf_counter()
        list(pool.map(run, chains))
        return sum(chains), time.perf_counter() - start


def main():
    from asked import AT_ONCE, say

    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "celery_bench",
        "worker",
        "-P",
        "threads",
        "-c",
        str(AT_ONCE),
        "-l",
        "CRITICAL",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            say(*measured())
        finally:
            worker.terminate()


if __name__ == "__main__":
    main()
