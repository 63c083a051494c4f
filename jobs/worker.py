"""The worker process: a Celery bootstep that registers it, renews its lease, keeps time, and drains.

One control thread does all of it, with a database connection of its own, so that neither a busy pool nor a
dead beat stops time.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from typing import Any

from billiard import current_process
from celery import bootsteps, signals
from celery.exceptions import WorkerLostError
from celery.worker import state
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from ledger.crashpoints import crashpoint

from . import admission, alarms, clock, forgotten, loop, scheduler
from .celery_defaults import consume_own, queue_name
from .collector import spare_the_collector
from .conf import conf
from .core.ids import compensates
from .incarnation import Incarnation, Key, become, registered
from .models import Job, Step, Worker
from .outage import in_a_line
from .registration import capabilities, register
from .store.reading import forget_all
from .turns import forget, hasten, turn

log = logging.getLogger("aetheris.worker")
BEAT = 1.0  # seconds between two looks of the control thread
STARTING = 30.0  # seconds that a starting worker waits for its database; then its supervisor decides


class Control:
    """The control thread of one worker process."""

    def __init__(self, name: str, slots: int, *, hand_off: bool) -> None:
        self.name, self.slots, self.hand_off = name, slots, hand_off
        self._stop = threading.Event()
        self._look_again = 0.0
        self._idle: set[Key] = set()
        self._thread = threading.Thread(target=self._run, name="aetheris-control", daemon=True)
        self._renew_at = 0.0

    def start(self) -> None:
        """Register, then keep the lease. Raises DatabaseError where the database does not answer in time."""
        self._register_at_last()
        connection.close()  # of this thread, which asks nothing more: the control thread has its own
        spare_the_collector()
        alarms.switch(True)
        self._thread.start()

    def _register_at_last(self) -> None:
        """Register; while the database is away, try again, for so long that a restart of it ends no worker."""
        give_up = time.monotonic() + STARTING
        while True:
            try:
                return self._register()
            except (OperationalError, InterfaceError) as outage:
                connection.close()
                if "no such table" in str(outage) or time.monotonic() > give_up:
                    raise
                log.warning(
                    "worker %s cannot register yet: the database does not answer (%s); see AETHERIS_DATABASE_URL",
                    self.name, outage,
                )  # fmt: skip
                state.maybe_shutdown()
                time.sleep(BEAT)

    def _register(self) -> None:
        began = time.monotonic()
        me, row = register(self.name, slots=self.slots, hand_off=self.hand_off)
        me.deadline = began + me.ttl
        self._renew_at = began + me.ttl / 3
        become(me)
        log.info("worker %s registered as %s until %s", self.name, row.id, row.alive_until)

    def _run(self) -> None:
        hasten()
        while not self._stop.is_set():
            due = alarms.wait(max(0.0, self._look_again - time.monotonic()))
            try:
                scheduler.look_at(due)
                self._look_now_and_then()
            except (DatabaseError, InterfaceError) as outage:
                log.warning("worker %s: the database does not answer: %s", self.name, in_a_line(outage))
                connection.close()
            except Exception:
                log.exception("worker %s: the control thread goes on after an error", self.name)
        connection.close()

    def _look_now_and_then(self) -> None:
        if time.monotonic() >= self._look_again:
            self._look_again = time.monotonic() + BEAT
            self._look()

    def _look(self) -> None:
        me = registered()
        if me is None or me.lost:
            self._register()
        elif time.monotonic() >= self._renew_at:
            self._renew(me)
        if me is not None:
            stop_what_is_cancelled(me)
            make_room(me)
        if scheduler.stale(clock.now()):
            scheduler.tick()

    def _renew(self, me: Incarnation) -> None:
        began = time.monotonic()
        until = clock.database_now() + timedelta(seconds=me.ttl)
        with turn():
            mine = Worker.objects.filter(id=me.id, dead=False).update(alive_until=until, draining=me.draining)
        if mine == 0:
            log.error("worker %s was declared dead: it drops its steps and registers anew", self.name)
            me.lost = True
            self._register()
            return
        me.deadline = began + me.ttl
        self._renew_at = began + me.ttl / 3
        self._idle = forgotten.free(me, self._idle)

    def drain(self, seconds: float) -> None:
        """Let running steps finish, hand back what has not, and say good-bye."""
        me = registered()
        if me is None:
            return
        me.draining = True
        self._renew_at = self._look_again = (
            0.0  # its row says so at once: no knock is handed on to it any more
        )
        alarms.wake()
        crashpoint("in_drain")
        end = time.monotonic() + seconds
        while (me.held() or me.running()) and time.monotonic() < end:
            time.sleep(0.05)
        self._stop.set()
        alarms.wake()
        if self._thread.is_alive():
            self._thread.join(5)
        self._goodbye(me)
        alarms.switch(False)
        become(None)

    def _goodbye(self, me: Incarnation) -> None:
        """Hand back what still runs, and say that nobody has to wait for this worker.

        While calls are under way that may yet take effect its death is not *known*; and while one is that must not
        be made twice it is not dead at all: its process is, once it has ended.
        """
        try:
            idle = not me.running()
            kept = forgotten.hand_back(me)
            over = {} if kept else {"dead": True, "known_dead": idle}
            with turn(urgent=True):
                Worker.objects.filter(id=me.id, dead=False).update(draining=True, **over)
            crashpoint("in_goodbye")
            scheduler.release_dead(clock.database_now())
            stop_what_is_not_kept(me, kept)
            for job, node in sorted(me.turned_away | me.room.leftovers()):
                scheduler.knock(job, node)
        except (DatabaseError, InterfaceError) as outage:
            log.warning("worker %s could not say good-bye: %s", self.name, outage)
        finally:
            connection.close()


def stop_what_is_not_kept(me: Incarnation, kept: list[Key]) -> None:
    """Ask the calls of steps that were handed back to stop: nobody waits for their answers."""
    for (job, path), cancel in me.running().items():
        if not any(job == each and (path == node or path.startswith(f"{node}/")) for each, node, _ in kept):
            cancel()


def make_room(me: Incarnation) -> None:
    """Let a suspect that waits to be alone here have its turn; or nobody wait for it any more."""
    step = me.room.wanted
    if step is None:
        return
    job, node = step
    if not Step.objects.filter(job_id=job, node=node).exclude(state="running").exists():
        me.room.dismiss()  # another worker has it, or it is over
    elif me.room.tire():
        log.warning("worker %s: job %s, step %s waited in vain to be alone here", me.name, job, node)
    admission.call_in(me)


def stop_what_is_cancelled(me: Incarnation) -> None:
    """Ask running calls of jobs that are being cancelled to stop; what undoes others goes on."""
    running = {step: stop for step, stop in me.running().items() if not compensates(step[1])}
    if not running:
        return
    jobs = {job for job, _ in running}
    ending = set(
        map(
            str,
            Job.objects.filter(id__in=jobs, phase__in=("cancelling", "cancelled")).values_list(
                "id", flat=True
            ),
        )
    )
    for (job, _), cancel in running.items():
        if job in ending:
            cancel()


class RuntimeStep(bootsteps.StartStopStep):
    """Registers the process when its pool runs; drains it before the pool stops."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        global _parent
        super().__init__(parent, **options)
        self.control: Control | None = None
        _parent = str(parent.hostname)  # before the pool forks

    def start(self, parent: Any) -> None:
        """Begin to hold a lease; prefork children each hold their own."""
        for capability in capabilities():
            parent.app.amqp.queues.select_add(queue_name(capability))
        consume_own(parent.app.amqp.queues, parent.hostname)
        if _is_prefork(parent):
            return
        self.control = Control(parent.hostname, parent.concurrency or 1, hand_off=True)
        self.control.start()

    def stop(self, parent: Any) -> None:
        """Drain."""
        if self.control is not None:
            self.control.drain(conf().DRAIN)
            self.control = None

    terminate = stop


def _is_prefork(parent: Any) -> bool:
    return "prefork" in str(getattr(parent.pool_cls, "__module__", parent.pool_cls))


_child: Control | None = None
_parent = ""


def _child_begins(sender: Any = None, **_: Any) -> None:
    """A prefork child is a worker of its own: nothing of the parent's threads survived the fork."""
    global _child
    forget_all()
    forget()
    loop.forget()
    become(None)
    _child = Control(f"{_parent}/{current_process().name}", 1, hand_off=False)
    _child.start()


def _child_ends(sender: Any = None, **_: Any) -> None:
    if _child is not None:
        _child.drain(0.0)


def _shutting_down(sender: Any = None, **_: Any) -> None:
    """Runs inside the signal handler: set a flag, nothing else."""
    me = registered()
    if me is not None:
        me.draining = True


def _child_lost(sender: Any = None, exception: Any = None, **_: Any) -> None:
    """The parent saw a prefork child die: its steps are freed at once."""
    if not isinstance(exception, WorkerLostError):
        return
    try:
        now = clock.database_now()
        scheduler.bury(now, silence_counts=False)  # the silent ones are the sweep's, which knows of outages
        scheduler.release_dead(now)
    except (DatabaseError, InterfaceError) as outage:
        log.warning("a lost child's steps are left to the sweep: %s", outage)


def install(app: Any) -> None:
    """Give a Celery app the runtime's bootstep and its signal handlers. Call it once, after `configure`."""
    app.steps["worker"].add(RuntimeStep)
    signals.worker_process_init.connect(_child_begins, dispatch_uid="aetheris.child_begins", weak=False)
    signals.worker_process_shutdown.connect(_child_ends, dispatch_uid="aetheris.child_ends", weak=False)
    signals.worker_shutting_down.connect(_shutting_down, dispatch_uid="aetheris.shutting_down", weak=False)
    signals.task_failure.connect(_child_lost, dispatch_uid="aetheris.child_lost", weak=False)
