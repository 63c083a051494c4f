"""Is it up: each new part by what it says in its log, and all together by what the API answers."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import logs
from .failures import StackError
from .parts import Part
from .place import Place
from .processes import Running
from .say import Say

DEADLINE = 60.0  # seconds from the start of the processes until all is healthy
_POLL = 0.2
# What /readyz finds missing -> whose log says more.
_TELLS = {"worker": "worker", "tick": "beat"}


class Watch:
    """Waits for one start to succeed, and says which part fails it.

    Args:
        place: of the stack.
        started: the parts that were started now, with where their logs begin.
        running: the processes of all parts.
        say: where progress goes.
    """

    def __init__(
        self, place: Place, started: Mapping[Part, int], running: Mapping[str, Running], say: Say
    ) -> None:
        self.place, self.started, self.running, self.say = place, started, running, say
        self.begin = time.monotonic()

    def until_up(self, seconds: float = DEADLINE) -> None:
        """Wait until every part that was started says that it is up.

        Raises:
            StackError: one has ended, or the time is over; with the end of its log.
        """
        waiting = list(self.started)
        while waiting:
            for part in [each for each in waiting if each.says in self._said(each)]:
                waiting.remove(part)
                self._tell(part.name)
            self._fail_if_one_ended()
            if waiting and self._over(seconds):
                raise self._too_late(waiting, seconds)
            time.sleep(_POLL if waiting else 0)

    def until_ready(self, seconds: float = DEADLINE) -> None:
        """Wait until /healthz and /readyz find nothing missing.

        Raises:
            StackError: a part has ended, or the time is over; with what is missing and the log that tells more.
        """
        told = ""
        while missing := lacking(self.place):
            self._fail_if_one_ended()
            if self._over(seconds):
                words = "; ".join(f"{name}: {why}" for name, why in missing.items())
                raise self._failure(f"after {seconds:g} s it is not ready: {words}", _whose(missing))
            if (names := ", ".join(sorted(missing))) != told and self._passed() > 3:
                self.say(f"  waiting for {names}")
                told = names
            time.sleep(_POLL)
        self._tell("all")

    def _fail_if_one_ended(self) -> None:
        for name, each in self.running.items():
            if not each.lives:
                code = each.child.returncode if each.child is not None else None
                how = "ended" if code is None else f"ended with code {code}"
                raise self._failure(f"{name} {how} while the stack was starting", [name])

    def _too_late(self, waiting: Sequence[Part], seconds: float) -> StackError:
        names = [part.name for part in waiting]
        return self._failure(f"{', '.join(names)} did not come up within {seconds:g} s", names)

    def _failure(self, why: str, names: Sequence[str]) -> StackError:
        begins = {part.name: begin for part, begin in self.started.items()}
        tails = [logs.tail(self.place, name, begins.get(name, 0)) for name in names if name in self.running]
        return StackError(f"The stack did not start: {why}.", "\n".join(tails))

    def _said(self, part: Part) -> str:
        return logs.since(self.place, part.name, self.started[part])

    def _tell(self, name: str) -> None:
        pid = f"  (pid {self.running[name].pid})" if name in self.running else ""
        what = "is up" if pid else "is ready"
        self.say(f"  {name:<9}{what} after {self._passed():.1f} s{pid}")

    def _passed(self) -> float:
        return time.monotonic() - self.begin

    def _over(self, seconds: float) -> bool:
        return self._passed() > seconds


def lacking(place: Place) -> dict[str, str]:
    """What the API says is missing, each with what to do; empty when jobs are taken and go on."""
    try:
        alive, _ = _ask(place, "/healthz")
        ready, answer = _ask(place, "/readyz")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return {"api": f"{place.url} gives no proper answer ({type(error).__name__})"}
    if alive != 200:
        return {"api": f"{place.url}/healthz answers {alive}"}
    if ready == 200:
        return {}
    detail = answer.get("detail") if isinstance(answer, dict) else None
    found = {str(name): str(why) for name, why in detail.items()} if isinstance(detail, dict) else {}
    return found or {"api": f"{place.url}/readyz answers {ready}"}


def _ask(place: Place, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": place.host})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def _whose(missing: Mapping[str, str]) -> list[str]:
    return sorted({_TELLS.get(name, "api") for name in missing})
