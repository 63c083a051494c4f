"""How Celery is set up to carry knocks: defaults that a project's own `CELERY_*` settings override, each with why.

A message says only "look at this step". A row says who may act on it, so a message may be lost, doubled or late.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from celery import Celery, signals
from celery.fixups.django import DjangoFixup
from kombu import Exchange, Queue, transport

from . import quiet

DEFAULT_QUEUE = "aetheris"
OWN_QUEUE = f"{DEFAULT_QUEUE}.to."
_looked_up: dict[str, Any] = vars(transport)["_transport_cache"]  # kombu offers no other way to forget
_CAPABILITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")

TRANSPORTS: Mapping[str, str] = {
    "aetheris": "jobs.brokers:Transport",  # kombu cuts aetheris+files:// and aetheris+local:// at the plus
    "redis": "jobs.brokers.hardened_redis:Transport",
    "rediss": "jobs.brokers.hardened_redis:Transport",
}

DEFAULTS: Mapping[str, object] = {
    # Pool: agents wait on networks, and a thread that waits costs little.
    "worker_pool": "threads",
    "worker_concurrency": 8,
    # Delivery: the row decides, so the broker's own promises are not asked for twice.
    "task_acks_late": True,  # a drained worker hands back what it had not begun
    "task_acks_on_failure": True,
    "task_acks_on_timeout": True,
    "task_reject_on_worker_lost": False,  # the failure handler gives the lease back sooner, and counts crashes
    "task_retry_on_worker_lost": False,
    "worker_deduplicate_successful_tasks": False,  # needs a result backend; the lease does it
    # Consumer.
    "worker_prefetch_multiplier": 1,  # a knock taken by a busy worker is a step that an idle one could do
    # Off, because the restore after a reconnect calls the channel from a pool thread and corrupts its stream.
    "worker_enable_prefetch_count_reduction": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # threads cannot be cancelled; 6.0 flips it
    "worker_soft_shutdown_timeout": 20.0,  # below the 30 seconds that containers usually grant
    "worker_disable_rate_limits": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # the default gives up for good after a hundred
    "broker_pool_limit": 10,  # every pool thread may publish, and two more; None would connect for each message
    "broker_pool_acquire_timeout": 5.0,  # the default waits for ever when the pool is empty
    "broker_connection_timeout": 4.0,
    "broker_heartbeat": 30,
    # Producer: a knock may fail, a commit may not, so nobody waits long for a broker that is away.
    "task_publish_retry": True,
    "task_publish_retry_policy": {
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.2,
    },
    # Results and events: nobody reads them, and they cost a third to a half of the throughput.
    "task_ignore_result": True,
    "result_backend": None,
    "result_expires": None,  # also keeps beat from adding its clean-up entry
    "task_track_started": False,
    "worker_send_task_events": False,
    "task_send_sent_event": False,
    # Messages: two ids in JSON; nothing that could run code when it is read.
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_protocol": 2,
    "task_default_delivery_mode": "transient",  # the tick knocks again, so no disk is needed
    # Queues: a project may keep its own default queue; our tasks go to ours all the same.
    "task_default_queue": DEFAULT_QUEUE,
    "task_routes": {"aetheris.*": {"queue": DEFAULT_QUEUE}},
    "task_create_missing_queues": True,  # a capability's queue exists as soon as somebody names it
    "worker_hijack_root_logger": False,  # logging belongs to the project
    "enable_utc": True,
    "worker_max_memory_per_child": 512_000,  # prefork only, in KiB; no recycling by count, steps are long
}

_REDIS: Mapping[str, object] = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,  # the default looks only at every tenth interval
    "socket_timeout": 15,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
    # Else all applications of one server share one book of unacknowledged messages, and the shortest timeout.
    # `retry_on_timeout` is left out on purpose: it would switch batched publishing off.
    "global_keyprefix": "aetheris:",
}
_RABBITMQ: Mapping[str, object] = {"confirm_publish": True}
# A queue that outlives the node it was declared on; the others' queues have no types.
_QUORUM: Mapping[str, object] = {
    "task_default_queue_type": "quorum",
    "task_create_missing_queue_type": "quorum",
}
_PGMQ: Mapping[str, object] = {
    "init_extension": False,
    "use_notify": True,
    "wait_time_seconds": 0,
    "polling_interval": 0.05,
    "notify_throttle_interval_ms": 0,
}
_OPTIONS: Mapping[str, Mapping[str, object]] = {
    "redis": _REDIS,
    "rediss": _REDIS,
    "sentinel": _REDIS,
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
    "pyamqp": _RABBITMQ,
    "pgmq": _PGMQ,
}


def configure(app: Celery) -> None:
    """Give a Celery app these defaults, the transports, and database connections that outlive a task.

    Call it once, right after the app is created; settings of the project win over every default.

    Args:
        app: the project's Celery app, or the host project's.
    """
    register_transports()
    quiet.install()
    # Not `app.add_defaults`: what it adds beats the settings that `config_from_object` reads.
    app.on_after_configure.connect(_fill_in)
    used: Any = app  # its published type does not tell whether its settings have been read
    if used.configured:
        _fill_in(app)
    # Always last: Celery's own handlers, which it takes away, were connected when this app was created.
    signals.worker_init.disconnect(dispatch_uid="aetheris.own_connections")
    signals.worker_init.connect(own_connections, dispatch_uid="aetheris.own_connections")


def register_transports() -> None:
    """Make kombu know `aetheris+files://` and `aetheris+local://`, and harden `redis://` and its kin.

    Kombu's table of names is the one place that also sees `redis+socket://`: a `broker_transport` setting would
    be overridden by what stands before the plus sign.
    """
    transport.TRANSPORT_ALIASES.update(TRANSPORTS)
    for name in TRANSPORTS:
        _looked_up.pop(name, None)  # an app made earlier may have looked it up


def transport_options(url: str | None) -> dict[str, object]:
    """The `broker_transport_options` for a broker address.

    Args:
        url: the address; of several, separated by semicolons, the first counts.

    Returns:
        A new dict; empty for a broker that needs none. A project that sets `CELERY_BROKER_TRANSPORT_OPTIONS`
        replaces the whole of it, and may start from this.
    """
    return dict(_OPTIONS.get(re.split(r"[+:]", url or "", maxsplit=1)[0], {}))


def queue_name(capability: str | None = None) -> str:
    """The queue of steps that require a capability, or of those that require none.

    Args:
        capability: such as `gpu` or `browser`.

    Raises:
        ValueError: it cannot be part of a queue's name on every broker.
    """
    if capability is None:
        return DEFAULT_QUEUE
    if not _CAPABILITY.fullmatch(capability):
        raise ValueError(
            f"{capability!r} is not a capability: use 1 to 64 letters, digits, '_', '.' or '-', "
            "beginning with a letter, a digit or '_'"
        )
    return f"{DEFAULT_QUEUE}.cap.{capability}"


def own_queue(worker: str) -> str:
    """The queue of one worker process, for knocks that are handed on to it.

    Args:
        worker: its name; the children of a prefork worker, `name/child`, share the queue of their parent.

    Returns:
        A name that is short enough for every broker, however long the host's is.
    """
    return f"{OWN_QUEUE}{sha256(worker.partition('/')[0].encode()).hexdigest()[:16]}"


def is_own(queue: str) -> bool:
    """Whether it is the queue of one worker."""
    return queue.startswith(OWN_QUEUE)


def passing(name: str) -> Queue:
    """A queue that goes with its consumer, so that workers that come and go leave nothing in the broker."""
    return Queue(name, Exchange(""), routing_key=name, auto_delete=True)


def consume_own(queues: Any, worker: str) -> None:
    """Let a worker that has not begun to consume consume its own queue too.

    Args:
        queues: `app.amqp.queues`.
        worker: its name.
    """
    mine = queues.select_add(passing(own_queue(worker)))
    mine.exchange = Exchange(
        ""
    )  # Celery binds every queue to its default exchange, and Redis would remember it


def own_connections(sender: Any = None, **_: object) -> None:
    """Let database connections live on between tasks, within Django's `CONN_MAX_AGE`, in the worker `sender`.

    Celery's own handlers close every connection before and after each task, whatever `CONN_MAX_AGE` says, and
    under prefork tear down a pool. That costs two thirds of the throughput.

    Args:
        sender: the worker that is about to start.
    """
    app = getattr(sender, "app", None)
    for fixup in getattr(app, "_fixups", ()):
        if isinstance(fixup, DjangoFixup):
            signals.task_prerun.disconnect(fixup.worker_fixup.on_task_prerun)
            signals.task_postrun.disconnect(fixup.worker_fixup.on_task_postrun)
            signals.task_prerun.connect(_before_task, dispatch_uid="aetheris.before_task")
            signals.task_postrun.connect(_after_task, dispatch_uid="aetheris.after_task")


def _before_task(sender: Any, **_: object) -> None:
    if not sender.request.is_eager:
        from django.db import close_old_connections

        close_old_connections()


def _after_task(sender: Any, **_: object) -> None:
    if not sender.request.is_eager:
        from django.core.cache import close_caches
        from django.db import close_old_connections

        close_old_connections()
        close_caches()


def asks_for_prefork(argv: Sequence[str]) -> bool:
    """Whether a command line asks for the prefork pool.

    Celery takes `-P prefork` for its own default, and a setting, which ours would be, goes before it.
    """
    return re.search(r" (-P ?|--pool[ =])prefork( |$)", " ".join(argv)) is not None


def _fill_in(sender: Any, **_: object) -> None:
    """Add every default that the settings, which have just been read, leave open."""
    conf = sender.conf
    options = transport_options(conf.broker_url)
    wanted = {**DEFAULTS, **(_QUORUM if options == _RABBITMQ else {}), "broker_transport_options": options}
    if asks_for_prefork(sys.argv):
        del wanted["worker_pool"]
    conf.add_defaults({name: value for name, value in wanted.items() if not conf.value_set_for(name)})
