"""The API as a process of its own, and what a client gets from it."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fatal.processes import Running
from tests.fatal.stage import Stage

PAY = {"agent": "fatal-graph", "goal": {"tool": "fatal.pay"}}
BROKEN = (http.client.HTTPException, OSError)  # no answer, or half of one


def api(stage: Stage, *, crash: str = "", **environment: str) -> Running:
    """The API, ready to answer."""
    args = ["aetheris_site.asgi:application", "--port", "0"]
    made = stage.start("uvicorn", args, AETHERIS_CRASH=crash, **environment)
    stage.until(lambda: "Uvicorn running" in made.said or not made.alive, "the API", ticking=False)
    return made


def post(server: Running, path: str, body: Any, token: str, **headers: str) -> tuple[int, Any]:
    """Send, and read the whole answer."""
    status, told, _ = ask(
        server, "POST", f"/api/{path}", body, {"Authorization": f"Bearer {token}", **headers}
    )
    return status, told


def get(server: Running, path: str, token: str = "") -> tuple[int, Any, str]:
    """Look; gives the kind of the answer too."""
    return ask(server, "GET", path, None, {"Authorization": f"Bearer {token}"} if token else {})


def ask(
    server: Running, method: str, path: str, body: Any, headers: Mapping[str, str]
) -> tuple[int, Any, str]:
    """One request on a connection of its own: status, document, content type."""
    found = re.search(r"running on http://(\S+)", server.said)
    assert found is not None, server.said
    line = http.client.HTTPConnection(found[1], timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        line.request(method, path, text, {"Content-Type": "application/json", **headers})
        answer = line.getresponse()
        return answer.status, json.loads(answer.read() or b"null"), answer.headers.get("Content-Type", "")
    finally:
        line.close()
