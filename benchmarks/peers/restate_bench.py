"""Restate: its own server (RESTATE names the program) and a service of `ctx.run` steps, both started here.

Its ports are given by the environment: INGRESS, ADMIN, NODE, SERVICE.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PORT = {name: os.environ.get(name, usual) for name, usual in
        {"INGRESS": "18080", "ADMIN": "19070", "NODE": "15122", "SERVICE": "19080"}.items()}  # fmt: skip
SECONDS = 60

if __name__ != "__main__":  # the service's process
    import restate

    bench = restate.Service("bench")

    @bench.handler()
    async def run(ctx: restate.Context, steps: int) -> int:
        for i in range(steps):
            await ctx.run_typed(f"s{i}", lambda i=i: i)
        return steps

    app = restate.app([bench])


def post(url, body):
    head = {"content-type": "application/json"}
    asked = urllib.request.Request(url, data=json.dumps(body).encode(), headers=head)  # noqa: S310 - this machine's own
    return urllib.request.urlopen(asked, timeout=600).read()  # noqa: S310


def register():
    give_up = time.monotonic() + SECONDS
    while True:
        try:
            return post(
                f"http://127.0.0.1:{PORT['ADMIN']}/deployments",
                {"uri": f"http://127.0.0.1:{PORT['SERVICE']}"},
            )
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.25)


def main():
    from asked import measure

    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory(prefix="bench-restate-") as data:
        ports = {
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{PORT['NODE']}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{PORT['NODE']}",
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{PORT['INGRESS']}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{PORT['ADMIN']}",
        }
        server = subprocess.Popen(
            [os.environ["RESTATE"], "--base-dir", data], env={**os.environ, **ports}, **quiet
        )
        hypercorn = str(Path(sys.executable).parent / "hypercorn")
        bind = f"127.0.0.1:{PORT['SERVICE']}"
        service = subprocess.Popen([hypercorn, "-b", bind, "restate_bench:app"], cwd=HERE, **quiet)
        try:
            register()
            measure(lambda steps: post(f"http://127.0.0.1:{PORT['INGRESS']}/bench/run", steps))
        finally:
            for each in (service, server):
                each.terminate()
                each.wait()


if __name__ == "__main__":
    main()
