"""The players: who submits, who signals, who approves, who meddles. Each asks again until an answer is final."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from jobs import create_agent
from tests.fatal.audit import Row, query, text
from tests.fatal.chaos import moods
from tests.fatal.chaos.doors import ANN, BOB, Answer, Door, Http, Python
from tests.fatal.chaos.record import Record
from tests.fatal.chaos.schedule import Order

SUBMITTERS = 3
PAUSE = 0.1  # seconds between two looks of a player
WAITERS = ("chaos-wait", "chaos-async")
WORD = "go"
TALK, TALKERS = "chaos-talk", ("talker-one", "talker-two")
RETRIED = 60  # of a hundred failed jobs


def _ask(door: Door, order: Order) -> Answer:
    """Submit an order, or send it as a message to one of the agents that live on."""
    if order.agent == TALK:
        return door.message(TALKERS[order.number % len(TALKERS)], order.goal, f"talk-{order.number}")
    return door.submit(order.agent, order.goal, order.key, order.on_failure)


@dataclass
class _Later:
    """Something that a person will do to a job."""

    at: float
    order: Order
    deed: str


class Players:
    """All of them, each in a thread of its own."""

    def __init__(self, database: str, orders: Sequence[Order], http: Http, record: Record, seed: int) -> None:
        self.database, self.orders, self.record, self.seed = database, orders, record, seed
        self.http = http
        self.doors: dict[str, Door] = {"http": http, "python": Python()}
        self.over = threading.Event()
        self._began = time.monotonic()
        self._queue = list(reversed(orders))
        self._later: list[_Later] = []
        self._retried: set[str] = set()  # jobs that were retried, or may not be
        self._lock = threading.Lock()
        self._busy = 0  # orders that are being submitted now
        self._told: set[str] = set()  # jobs that have their signal, or never take one
        loops = [self._submit] * SUBMITTERS + [self._signal, self._approve, self._meddle, self._retry]
        self._threads = [threading.Thread(target=self._loop, args=(each,), daemon=True) for each in loops]

    def start(self) -> None:
        """Begin to play."""
        for name in TALKERS:
            create_agent(TALK, name=name, actor=ANN)
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Cease."""
        self.over.set()
        for thread in self._threads:
            thread.join(30)

    @property
    def through(self) -> bool:
        """Whether everything was submitted and nothing is left to be done to a job."""
        with self._lock:
            if self._queue or self._later or self._busy:
                return False
        return not self._to_be_retried()

    def _loop(self, play: Callable[[], None]) -> None:
        while not self.over.is_set():
            try:
                play()
            except Exception as error:  # the database is away: look again
                self.record.said(play.__name__.strip("_"), type(error).__name__)
            self.over.wait(PAUSE)

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    # --- submitting ----------------------------------------------------------------------------------

    def _submit(self) -> None:
        while (order := self._next()) is not None:
            door = self.doors[order.door]
            self._hand_in(order, door)
            if order.twice:  # the same again, through the other door
                self._hand_in(order, self.doors["python" if order.door == "http" else "http"])
            if order.meddling:
                self._plan(order)
            with self._lock:
                self._busy -= 1

    def _next(self) -> Order | None:
        with self._lock:
            if self._queue and self._queue[-1].at <= self._now:
                self._busy += 1
                return self._queue.pop()
            return None

    def _hand_in(self, order: Order, door: Door) -> None:
        once = order.key is None and order.agent != TALK
        told = self._until_final(
            "submit", lambda: _ask(door, order), lambda: _ask(self.doors["python"], order), once=once
        )
        if told.accepted:
            self.record.born(order.number, str(told.value))
        elif told.word == "refused":
            self.record.broken.append(f"order {order.number} was refused: {told.value}")

    def _until_final(
        self, player: str, ask: Callable[[], Answer], instead: Callable[[], Answer], *, once: bool = False
    ) -> Answer:
        while True:
            told = ask()
            if told.unbuilt:
                told = instead()
            self.record.said(player, told.word)
            if told.final or once or self.over.wait(PAUSE * 2):
                return told

    # --- signals ---------------------------------------------------------------------------------------

    def _signal(self) -> None:
        """A word to every submitted job that may wait for one, and to every other that does wait.

        Others are children, and jobs whose birth nobody was told of because the answer was lost.
        """
        for order, job in self._waiters():
            if order.agent == "chaos-wait" and order.number % 4 == 0 and order.approves:
                continue  # its deadline decides
            if job not in self._told and self._now >= order.at + order.after:
                self._say(order, job, f"word-{order.number}")
        submitted = set(dict(self.record.jobs).values())
        for row in query(
            self.database, "SELECT id, parked_on FROM aetheris_jobs_job WHERE status = 'parked'"
        ):
            job = text(row["id"])
            if f'"name":"{WORD}"' in row["parked_on"] and job not in submitted | self._told:
                self._say(self.orders[0], job, f"word-{job}")

    def _waiters(self) -> Iterable[tuple[Order, str]]:
        known = sorted(dict(self.record.jobs).items())
        return [(self.orders[number], job) for number, job in known if self.orders[number].agent in WAITERS]

    def _say(self, order: Order, job: str, id: str) -> None:
        told = self.doors[order.door].signal(job, WORD, {"order": order.number}, id)
        self.record.said("signal", told.word)
        if told.final:
            self._told.add(job)
        if told.accepted:
            self.record.signals.add((job, id))

    # --- approvals -------------------------------------------------------------------------------------

    def _approve(self) -> None:
        """Decide what is asked, two people if the question wants them."""
        asked = query(self.database, "SELECT * FROM aetheris_jobs_approval WHERE state = 'open'")
        for row in asked:
            decision = "approve" if moods.draw(self.seed, "decision", row["shown"]) < 75 else "reject"
            for actor in (ANN, BOB)[: 2 if row["quorum"] > 1 else 1]:
                self._vote(row, decision, actor.id)

    def _vote(self, row: Row, decision: str, who: str) -> None:
        actor = ANN if who == ANN.id else BOB
        http = who == ANN.id and moods.draw(self.seed, "door", row["shown"]) < 50
        told = self.doors["http" if http else "python"].decide(
            text(row["id"]), decision, row["digest"], actor
        )
        self.record.said("vote", told.word)
        if told.accepted:
            self.record.votes.add((text(row["id"]), self.http.user if http else actor.id))

    # --- meddling --------------------------------------------------------------------------------------

    def _plan(self, order: Order) -> None:
        deeds = ["pause", "resume"] if order.meddling == "pause" else ["cancel"]
        with self._lock:
            for index, deed in enumerate(deeds):
                self._later.append(_Later(self._now + order.after * (1 + index), order, deed))

    def _meddle(self) -> None:
        """Do what is due; nobody resumes a job before it is known what became of the pause."""
        with self._lock:
            pausing = {each.order.number for each in self._later if each.deed == "pause"}
            due = [
                each
                for each in self._later
                if each.at <= self._now and (each.deed != "resume" or each.order.number not in pausing)
            ]
        for each in due:
            job = self.record.jobs.get(each.order.number)
            told = Answer("refused") if job is None else self.doors[each.order.door].control(job, each.deed)
            self.record.said(each.deed, told.word)
            if told.accepted and job is not None:
                self.record.controls.add((job, each.deed))
            if told.final:
                with self._lock:
                    self._later.remove(each)

    # --- retrying --------------------------------------------------------------------------------------

    def _to_be_retried(self) -> list[tuple[Order, str]]:
        """Submitted jobs that have failed, of those that somebody wants to see succeed."""
        asked = query(
            self.database,
            "SELECT id FROM aetheris_jobs_job WHERE status = 'failed' AND parent_job IS NULL AND forked_from IS NULL",
        )
        failed, orders = {text(row["id"]) for row in asked}, dict(self.record.jobs)
        wanted = {number: job for number, job in orders.items() if job in failed - self._retried}
        chosen = [number for number in sorted(wanted) if moods.draw(self.seed, "retry", number) < RETRIED]
        return [(self.orders[number], wanted[number]) for number in chosen]

    def _retry(self) -> None:
        for order, job in self._to_be_retried():
            key = f"retry-{order.number}"
            told = self.doors[order.door].retry(job, key)
            if told.unbuilt:
                told = self.doors["python"].retry(job, key)
            self.record.said("retry", told.word)
            if told.final:
                self._retried.add(job)
            if told.accepted:
                self.record.retries.add((job, str(told.value)))
