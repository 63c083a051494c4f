"""The two doors that the players use: HTTP and Python; each asks once, and says what came of it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import close_old_connections, connection

from jobs import approve, cancel, message_agent, pause, reject, resume, retry, submit
from jobs import signal as send_signal
from jobs.core.commands import Actor
from jobs.core.errors import Refused
from tests.factories import person

ANN, BOB = person("ann"), person("bob")


@dataclass(frozen=True)
class Answer:
    """What a door said: accepted, refused (for good), or nothing that one can rely on."""

    word: str
    value: Any = None

    @property
    def accepted(self) -> bool:
        """Whether it was promised."""
        return self.word == "accepted"

    @property
    def unbuilt(self) -> bool:
        """Whether this door does not know how (yet)."""
        return self.word == "refused" and "not_supported_yet" in str(self.value)

    @property
    def final(self) -> bool:
        """Whether asking again is pointless."""
        return self.word in ("accepted", "refused")


class Http:
    """The API, asked by one user."""

    def __init__(self, port: int, token: str, user: str) -> None:
        self._port, self._token, self.user = port, token, user

    def submit(self, agent: str, goal: Any, key: str | None, on_failure: str = "fail") -> Answer:
        """Ask an agent."""
        more = {} if on_failure == "fail" else {"on_failure": on_failure}
        return self._born("jobs", {"agent": agent, "goal": goal, **more}, key)

    def message(self, instance: str, goal: Any, id: str) -> Answer:
        """Send a message to an agent that lives on."""
        told = self._post(f"agents/{instance}/message", {"goal": goal, "id": id})
        return Answer(told.word, told.value["job_id"]) if told.accepted else told

    def retry(self, job: str, key: str) -> Answer:
        """Try a job again."""
        return self._born(f"jobs/{job}/retry", {}, key)

    def signal(self, job: str, name: str, payload: Any, id: str) -> Answer:
        """Say a word."""
        return self._post(f"jobs/{job}/signals", {"name": name, "payload": payload, "id": id})

    def control(self, job: str, deed: str) -> Answer:
        """Pause, resume or cancel."""
        return self._post(f"jobs/{job}/{deed}", {"reason": "chaos"})

    def decide(self, approval: str, decision: str, digest: str, actor: Actor) -> Answer:
        """Vote, as whoever the token belongs to."""
        return self._post(f"approvals/{approval}/decide", {"decision": decision, "digest": digest})

    def _born(self, path: str, body: Any, key: str | None) -> Answer:
        told = self._post(path, body, {"Idempotency-Key": key} if key else {})
        return Answer(told.word, told.value["id"]) if told.accepted else told

    def _post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=15)
        try:
            sent = {
                "Authorization": f"Bearer {self._token}",
                "Content-Type": "application/json",
                **(headers or {}),
            }
            line.request("POST", f"/api/{path}", json.dumps(body), sent)
            answer = line.getresponse()
            status, told = answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as lost:
            return Answer("lost", repr(lost))
        finally:
            line.close()
        return Answer("accepted" if status < 300 else "refused" if status < 500 else "lost", told)


class Python:
    """The verbs, called in this process."""

    def submit(self, agent: str, goal: Any, key: str | None, on_failure: str = "fail") -> Answer:
        """Ask an agent."""
        return _asked(lambda: str(submit(agent, goal, actor=ANN, idempotency_key=key, on_failure=on_failure)))

    def message(self, instance: str, goal: Any, id: str) -> Answer:
        """Send a message to an agent that lives on."""
        return _asked(lambda: str(message_agent(instance, goal, id=id, actor=ANN)))

    def retry(self, job: str, key: str) -> Answer:
        """Try a job again."""
        return _asked(lambda: str(retry(job, actor=ANN, idempotency_key=key)))

    def signal(self, job: str, name: str, payload: Any, id: str) -> Answer:
        """Say a word."""
        return _asked(lambda: send_signal(job, name, payload, id=id, actor=ANN))

    def control(self, job: str, deed: str) -> Answer:
        """Pause, resume or cancel."""
        verbs: dict[str, Callable[..., None]] = {"pause": pause, "resume": resume, "cancel": cancel}
        return _asked(lambda: verbs[deed](job, actor=ANN, reason="chaos"))

    def decide(self, approval: str, decision: str, digest: str, actor: Actor) -> Answer:
        """Vote."""
        verb: Callable[..., Any] = approve if decision == "approve" else reject
        return _asked(lambda: verb(approval, digest=digest, actor=actor))


Door = Http | Python


def _asked(deed: Callable[[], Any]) -> Answer:
    close_old_connections()
    try:
        return Answer("accepted", deed())
    except Refused as refused:
        return Answer("refused", f"{refused.code}: {refused}")
    except Exception as error:  # whatever is wrong with the database or the broker now
        connection.close()
        return Answer("lost", f"{type(error).__name__}: {error}")
