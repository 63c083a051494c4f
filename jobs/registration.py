"""What this process offers, written down: agents with versions and goal schemas, tools with theirs."""

from __future__ import annotations

import json
import os
import platform
from datetime import timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import psutil

from ledger import all_tools

from . import clock
from .agents import all_agents
from .conf import conf
from .core.state import TOOL
from .incarnation import Incarnation
from .models import Definition, Worker
from .turns import turn


def _definitions() -> list[Definition]:
    moment = clock.now()
    rows = [
        Definition(kind="agent", name=each.name, version=each.version, form=each.form, default=each.default,
                   schema=json.dumps(each.goal.schema, sort_keys=True), description=each.description[:2000],
                   seen_at=moment)
        for each in all_agents()
    ]  # fmt: skip
    rows += [
        Definition(kind="tool", name=each.name, version=each.version, form=each.effect, seen_at=moment,
                   schema=json.dumps(each.schema, sort_keys=True), requires=json.dumps(list(each.requires)),
                   description=each.description[:2000])
        for each in all_tools().values()
    ]  # fmt: skip
    return rows


def publish_definitions() -> None:
    """Write what is registered here, so that the API can validate goals without importing agent code."""
    with turn():
        Definition.objects.bulk_create(
            _definitions(), update_conflicts=True, unique_fields=["kind", "name", "version"],
            update_fields=["form", "default", "schema", "requires", "description", "seen_at"],
        )  # fmt: skip


def capabilities() -> list[str]:
    """What this process offers beside its agents: from settings and AETHERIS_CAPABILITIES."""
    extra = [part.strip() for part in os.environ.get("AETHERIS_CAPABILITIES", "").split(",") if part.strip()]
    return sorted({*conf().CAPABILITIES, *extra})


def register(
    name: str, *, slots: int, hand_off: bool = True, ttl: float | None = None
) -> tuple[Incarnation, Worker]:
    """Register this process as a new incarnation of a worker.

    Args:
        name: what people call it.
        slots: steps it runs at a time.
        hand_off: whether asynchronous steps are handed to the process's loop.
        ttl: seconds of its lease; the setting if None.
    """
    publish_definitions()
    ttl = conf().LEASE_TTL if ttl is None else ttl
    moment = clock.database_now()
    offers = sorted([*(each.offer for each in all_agents()), *(TOOL + name for name in all_tools())])
    with turn():
        row = Worker.objects.create(
            id=uuid4(), name=name, host=platform.node(), pid=os.getpid(), started=birth(os.getpid()),
            registered_at=moment, alive_until=moment + timedelta(seconds=ttl), slots=slots,
            capabilities=json.dumps(capabilities()), offers=json.dumps(offers),
        )  # fmt: skip
    me = Incarnation(
        id=str(row.id),
        ttl=ttl,
        name=name,
        capabilities=frozenset(capabilities()),
        offers=frozenset(offers),
        hand_off=hand_off,
    )
    return me, row


def process_start(pid: int) -> str:
    """When a process began, as the kernel tells it; empty if there is none, or only its remains."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:  # it has ended; its parent has not looked yet
            return ""
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return ""


def birth(pid: int) -> str:
    """Where and when a process began: boot, pid namespace and time. A host's name alone may be two machines'."""
    return f"{_world()} {process_start(pid)}"


@cache
def _world() -> str:
    """This boot of this kernel, and the namespace in which a pid means what it means here."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    known = boot.read_text().strip()[:8] if boot.exists() else str(int(psutil.boot_time()))
    space = Path("/proc/self/ns/pid")
    return f"{known}.{os.readlink(space).strip('pid:[]') if space.exists() else '0'}"


def known_gone(worker: Worker) -> bool:
    """Whether a worker's process is certainly over: it lived in this very world, and its pid is free or another's.

    Of another host, container or boot nothing is known: its silence decides.
    """
    world, _, started = worker.started.partition(" ")
    return worker.host == platform.node() and world == _world() and process_start(worker.pid) != started
