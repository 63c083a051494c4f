"""`make demo`: the refund story on a stack of its own, from the start of its processes to their end."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from . import evidence, parts, ports, preparing, processes, register
from .failures import StackError
from .logs import log_file, tail
from .parts import PAYMENTS_URL, Part
from .place import ROOT, Place
from .processes import Running
from .running import Stack
from .say import Say
from .story import Story
from .witness import Person, until

# What the demo takes over from the caller's environment; all else of ours would only spoil the story.
_KEPT = ("AETHERIS_DATABASE_URL", "AETHERIS_BROKER_URL")


def tell(caller: Mapping[str, str], say: Say) -> bool:
    """Tell the story.

    Args:
        caller: its environment; a database and a broker named there are used, else embedded ones.
        say: where it is told.

    Returns:
        Whether all of it is true.

    Raises:
        StackError: it came to a halt; the folder with its logs is kept and named.
    """
    folder = Path(tempfile.mkdtemp(prefix="aetheris-demo-"))
    demo = Demo(_place(folder, caller), say, shared=bool(caller.get(_KEPT[0], "").strip()))
    try:
        true = demo.tell()
    except StackError as halted:
        raise StackError(f"The demo came to a halt. {halted}", halted.lines or demo.last_words()) from halted
    finally:
        demo.end()
    if true:
        shutil.rmtree(folder)
        say("\nAll of it is true. Try it yourself: make run")
    else:
        say(f"\nThat is not as it must be. The logs are in {folder}/bin")
    return true


class Demo:
    """One telling.

    Args:
        place: the folder, ports and environment of its own.
        say: where it is told.
        shared: whether the database is one that others may have used, and may use now.
    """

    def __init__(self, place: Place, say: Say, *, shared: bool) -> None:
        self.place, self.say, self.shared = place, say, shared
        self.people: list[Person] = []
        self.names: dict[str, str] = {}
        payments_port = parts.payments_port(place) or 0
        self.common: tuple[Part, ...] = (parts.payments(place, payments_port), parts.api(place), parts.beat())

    def tell(self) -> bool:
        """From the first process to the proof. Returns whether all of it is true."""
        self._start("worker-1")
        pids = {name: each.pid for name, each in register.living(self.place).items()}
        self.say(
            f"1. Started on {self.place.url}: API, beat, worker-1 (pid {pids['worker-1']}), and a payment service of its own."
        )
        story = self._story()
        self._recognise(story.operator, "worker-1")
        story.submit()
        story.decide(story.park())
        killed = story.hang()
        self._kill(killed)
        story.release()
        self._start("worker-2")
        self._recognise(story.operator, "worker-2")
        self.say("9. The payment service lets go of the call, whose caller is dead. worker-2 starts.")
        story.complete()
        self.say(
            "10. When the dead worker's lease has run out, worker-2 takes over. It does not pay again: it asks the"
        )
        self.say(
            "    payment service what became of the call (the probe), and adopts the refund that was made."
        )
        proven = story.report(self.names, killed)
        return self._carried_away(story) and proven

    def _carried_away(self, story: Story) -> bool:
        """Export the job's evidence package, and verify it without the stack. Returns whether it verifies."""
        package = evidence.fetched(story.operator, story.job, self.place.folder)
        holds, lines = evidence.verdict(package, self.place.var)
        size = f"{package.stat().st_size:,} bytes"
        self.say("\nWhat can be carried away:")
        self.say(f"  {'yes' if holds else 'NO '}  an evidence package of {size}, verified by one Python file")
        self.say("       that knows nothing of this machine but the public key")
        for line in [] if holds else lines:
            self.say(f"       {line}")
        return holds

    def last_words(self) -> str:
        """The end of the workers' logs, and where all of them are kept."""
        names = [name for name in ("worker-1", "worker-2") if log_file(self.place, name).exists()]
        return "\n".join([*(tail(self.place, name, 0) for name in names), f"All logs: {self.place.folder}"])

    def end(self) -> None:
        """Stop every process of the demo, however it went."""
        for person in self.people:
            person.close()
        Stack(self.place, (*self.common, parts.worker("worker-1"), parts.worker("worker-2")), _nobody).stop()

    def _start(self, worker: str) -> None:
        first = not register.living(self.place)

        def prepare(starting: bool) -> None:
            if first:
                preparing.migrate(self.place)
                preparing.make_users(self.place, {})

        Stack(self.place, (*self.common, parts.worker(worker)), _nobody).run(prepare)

    def _story(self) -> Story:
        tokens = {login.name: login.token for login in preparing.logins(self.place)}
        operator = self._person(self.place.url, tokens["operator"])
        approver = self._person(self.place.url, tokens["approver"])
        payments = self._person(self.place.env[PAYMENTS_URL])
        order_id = "A-1001"
        if self.shared:  # an order is refunded once for ever, and an earlier demo may have done it there
            order_id = f"A-1001-{secrets.token_hex(4)}"
            payments.put(f"/orders/{order_id}", {"cents": 12_000})
        return Story(operator, approver, payments, order_id, self.say)

    def _person(self, url: str, token: str = "") -> Person:
        self.people.append(person := Person(url, token))
        return person

    def _recognise(self, operator: Person, name: str) -> None:
        """Learn by which id the history calls a worker of ours. Raises StackError if others are at work too."""
        pid = register.living(self.place)[name].pid

        def registered() -> str:
            alive = [each for each in operator.all("/api/workers") if each["alive"] and not each["draining"]]
            strangers = [
                each["name"] for each in alive if each["pid"] != pid and each["id"] not in self.names
            ]
            if strangers:
                raise StackError(f"Other workers use this database: {', '.join(strangers)}; stop them first.")
            return next((str(each["id"]) for each in alive if each["pid"] == pid), "")

        self.names[until(f"{name} registers", registered, seconds=30)] = name

    def _kill(self, worker: str) -> None:
        name = self.names[worker]
        victim: Running = register.living(self.place)[name]
        self.say(
            f"7. The call is in flight: the service has carried it out and is silent; {name} waits for its answer."
        )
        processes.kill(victim.process)
        if processes.wait_until_gone([victim], 10):
            raise StackError(f"{name} (pid {victim.pid}) survived SIGKILL.")
        self.say(f"8. kill -9 {victim.pid}: {name} ({worker}) is gone, and never learned that it paid.")


def _place(folder: Path, caller: Mapping[str, str]) -> Place:
    env = {name: value for name, value in caller.items() if not name.startswith("AETHERIS_")}
    env |= {name: caller[name] for name in _KEPT if caller.get(name, "").strip()}
    env |= {"AETHERIS_VAR": str(folder / "var"), PAYMENTS_URL: f"http://127.0.0.1:{ports.any_free()}"}
    (folder / "bin").mkdir()
    return Place(root=ROOT, folder=folder / "bin", var=folder / "var", port=ports.any_free(), env=env)


def _nobody(line: str) -> None:
    """The stack's own progress is no part of the story."""
