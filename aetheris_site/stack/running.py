"""Start a stack, or what is missing of it; twice is harmless, and other settings restart it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from . import health, logs, ports, processes, register, stopping
from .failures import StackError
from .parts import Part
from .place import Place
from .processes import Running
from .say import Say


@dataclass
class Stack:
    """The parts of one place, and what is done with them.

    Args:
        place: where.
        parts: what belongs to it, in the order of starting.
        say: where progress goes.
        payments: address of the payment service, noted in the register.
        ready: waits until all works together, after each part is up for itself.
    """

    place: Place
    parts: Sequence[Part]
    say: Say
    payments: str = ""
    ready: Callable[[health.Watch], None] = health.Watch.until_ready

    def run(self, prepare: Callable[[bool], None] | None = None) -> bool:
        """Start what does not run yet and wait until all is healthy.

        Args:
            prepare: called before the first process starts; it learns whether any will be started.

        Returns:
            Whether anything had to be started.

        Raises:
            StackError: a port is busy or a part did not come up; then all that this call started is stopped.
        """
        running = self._still_valid()
        missing = [part for part in self.parts if part.name not in running]
        self._end_strays(running)
        for part in missing:
            _need_port(part)
        if prepare is not None:
            prepare(bool(missing))
        started: dict[str, Running] = {}
        try:
            begins = {part: self._start(part, started) for part in missing}
            register.write(self.place, running | started, payments=self.payments)
            watch = health.Watch(self.place, begins, running | started, self.say)
            watch.until_up()
            self.ready(watch)
        except BaseException:  # also Ctrl-C: nothing half-started stays behind
            self._undo(started, running)
            raise
        return bool(missing)

    def stop(self) -> None:
        """Stop everything. Raises StackError if something survives SIGKILL."""
        stopping.stop(self.place, self.parts, self.say)

    def _still_valid(self) -> dict[str, Running]:
        """What runs and may go on: all of it, or nothing if it runs under other settings."""
        running = register.living(self.place)
        if not running or register.read(self.place).digest == self.place.digest:
            return running
        self.say("It runs under other settings: restarting it.")
        self.stop()
        return {}

    def _end_strays(self, running: Mapping[str, Running]) -> None:
        left = register.strays(self.place, running)
        if left:
            self.say("Ending what an earlier run has left behind.")
            stopping.end(self.place, self.parts, left, self.say)

    def _start(self, part: Part, started: dict[str, Running]) -> int:
        """Start one part; returns where its log begins."""
        begin = logs.open_at_end(self.place, part.name)
        log, env = logs.log_file(self.place, part.name), self.place.of_part(part.name)
        try:
            started[part.name] = processes.start(
                part.name, part.command, log=log, env=env, cwd=self.place.root
            )
        except OSError as error:
            raise StackError(f"{part.name} cannot be started: {error}") from error
        return begin

    def _undo(self, started: Mapping[str, Running], running: Mapping[str, Running]) -> None:
        stopping.end(self.place, self.parts, list(started.values()), self.say)
        register.forget(self.place)
        if running:
            register.write(self.place, running, payments=self.payments)


def _need_port(part: Part) -> None:
    if part.port and not ports.is_free(part.port):
        advice = (
            f"Stop it, or choose another: `PORT={part.port + 1} make run`."
            if part.name == "api"
            else "Stop it."
        )
        raise StackError(
            f"Port {part.port}, which {part.name} needs, is taken by {ports.owner(part.port)}. {advice}"
        )
